/**
 * Puts a stack right after an `up` that was killed, so that the next one can finish: the backend's lock
 * of a dead process, Helm releases that were interrupted, and the state's pending operations.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { exec } from "../lib/exec.ts";
import { projectRoot } from "../lib/paths.ts";
import { accessArgs, type ClusterAccess, clusterAccess } from "./kubeconfig.ts";
import { endOrphanedPlugins } from "./orphans.ts";
import { type StackName, stackLockDir } from "./paths.ts";
import { currentState, type StackState, type StateResource } from "./stateFile.ts";

interface BackendLock {
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  readonly timestamp: string;
}

/**
 * Repairs the stack where needed and returns a line for each thing done.
 *
 * @throws Error when a live process holds the stack's lock.
 */
export async function recover(stack: StackName): Promise<string[]> {
  const done: string[] = [];
  if (await cancelDeadLock(stack)) done.push("cancelled the lock of an update that was killed");
  const plugins = await endOrphanedPlugins();
  if (plugins > 0) done.push(`ended ${plugins} plugin(s) that it left running`);
  const state = await currentState(stack);
  if (state.pendingOperations.length === 0 && done.length === 0) return done;
  const access = await clusterAccess(state);
  if (access !== undefined) done.push(...(await repairReleases(state, access)));
  if (state.pendingOperations.length > 0) {
    await clearPendingOperations(stack);
    done.push(`forgot ${state.pendingOperations.length} operation(s) that were interrupted`);
  }
  return done;
}

async function cancelDeadLock(stack: StackName): Promise<boolean> {
  const dir = stackLockDir(stack);
  const files = existsSync(dir) ? readdirSync(dir).filter((file) => file.endsWith(".json")) : [];
  if (files.length === 0) return false;
  for (const file of files) {
    const lock = JSON.parse(readFileSync(join(dir, file), "utf8")) as BackendLock;
    if (lock.hostname !== hostname() || isPulumi(lock.pid)) {
      throw new Error(
        `the stack is in use by ${lock.username}@${lock.hostname} (pid ${lock.pid}) since ${lock.timestamp}. ` +
          "Wait for that update to end; if you are sure that it is dead, run `pulumi cancel`.",
      );
    }
  }
  await exec("pulumi", ["cancel", "--yes", "--stack", stack], { cwd: projectRoot });
  return true;
}

/** Whether a live process with this pid is a Pulumi CLI; a recycled pid is not. */
function isPulumi(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "pulumi";
  } catch {
    // No /proc (macOS): a live pid counts as the owner, which errs on the safe side.
    return process.platform !== "linux";
  }
}

const releaseType = "kubernetes:helm.sh/v3:Release";

interface HelmRelease {
  readonly name: string;
  readonly namespace: string;
  readonly status: string;
}

function releaseKey(resource: StateResource): string {
  return `${String(resource.inputs?.namespace)}/${String(resource.inputs?.name)}`;
}

/**
 * A release whose creation was interrupted is unknown to the state and would block its name: Helm's record of it
 * goes, and the next installation adopts its objects, which say whose they are. It is not uninstalled: an API server
 * that deletes a CRD moments after it was made can fail to list its instances, and the CRD then never goes.
 * One whose upgrade was interrupted is rolled back to what the state knows.
 */
async function repairReleases(state: StackState, access: ClusterAccess): Promise<string[]> {
  const args = accessArgs("helm", access);
  const listed = await exec("helm", ["list", "--all", "--all-namespaces", "-o", "json", ...args], {
    timeoutMs: 30_000,
  });
  const releases = JSON.parse(listed.stdout) as HelmRelease[];
  const known = new Set(state.resources.filter((r) => r.type === releaseType).map(releaseKey));
  const interrupted = new Set(
    state.pendingOperations
      .filter((operation) => operation.resource.type === releaseType)
      .map((operation) => releaseKey(operation.resource)),
  );
  const done: string[] = [];
  for (const { name, namespace, status } of releases) {
    const key = `${namespace}/${name}`;
    if (interrupted.has(key) && !known.has(key)) {
      const records = [
        "delete",
        "secrets",
        "--namespace",
        namespace,
        "--selector",
        `owner=helm,name=${name}`,
      ];
      await exec("kubectl", [...records, ...accessArgs("kubectl", access)], { timeoutMs: 60_000 });
      done.push(`forgot the interrupted installation of release ${name} (${status}); its objects are kept`);
    } else if (known.has(key) && status.startsWith("pending-")) {
      await exec("helm", ["rollback", name, "--namespace", namespace, ...args], { timeoutMs: 300_000 });
      done.push(`rolled release ${name} back, whose upgrade was interrupted (${status})`);
    }
  }
  return done;
}

async function clearPendingOperations(stack: StackName): Promise<void> {
  const exported = await exec("pulumi", ["stack", "export", "--stack", stack], { cwd: projectRoot });
  const document = JSON.parse(exported.stdout) as { deployment: { pending_operations?: unknown } };
  delete document.deployment.pending_operations;
  await exec("pulumi", ["stack", "import", "--stack", stack], {
    cwd: projectRoot,
    input: JSON.stringify(document),
  });
}
