import { rmSync } from "node:fs";
import { destroy } from "../embedded/cluster.ts";
import { exec } from "../lib/exec.ts";
import { createLog } from "../lib/log.ts";
import { projectRoot } from "../lib/paths.ts";
import { setWorkingConfig } from "./configCopy.ts";
import { accessArgs, clusterAccess } from "./kubeconfig.ts";
import { localConfig } from "./localConfig.ts";
import { endOrphanedPlugins } from "./orphans.ts";
import { embeddedDir, stackLockDir, stackStateFile, workingConfig } from "./paths.ts";
import { pulumi } from "./pulumi.ts";
import { recover } from "./recover.ts";
import { currentState, type StackState, usesFileBackend } from "./stateFile.ts";

/**
 * Removes the local stack with all that it made, its cluster and the processes beside it.
 *
 * @param force also when the state cannot be read or its cluster cannot be asked: the state is given
 *   up, and what it knew is left where it is.
 * @returns 0, or the exit status of `pulumi destroy`.
 */
export async function down(force: boolean): Promise<number> {
  const log = createLog();
  // They would go on installing into a cluster that is being taken down.
  await endOrphanedPlugins();
  if (force) {
    await destroy({ dir: embeddedDir() });
    await forgetStack();
    log.info(
      "gave up the stack's state; objects that it made on a cluster of yours are left there, and a k3d cluster is left " +
        "whole: `k3d cluster list` names it, `k3d cluster delete mlops-...` removes it",
    );
    return 0;
  }
  const state = await currentState("local");
  const { cluster } = localConfig();
  if (state.resources.length > 0) {
    if (cluster === "embedded" && !(await answers(state))) {
      // Nothing outside of the cluster belongs to the stack, so with the cluster all of it is gone.
      log.info("the embedded cluster is dead: its stack's state is cleared");
    } else {
      for (const line of await recover("local")) log.info(line);
      const code = await pulumi(["destroy", "--yes", "--skip-preview", "--stack", "local"]);
      if (code !== 0) {
        log.info("Not all could be removed; the messages above say why. `make down FORCE=1` gives it up.");
        return code;
      }
    }
  }
  await removeStack();
  await destroy({ dir: embeddedDir() });
  setWorkingConfig("local", "mlops:cluster", undefined);
  log.info("nothing of the local stack is left; tools and downloads stay in the cache");
  return 0;
}

async function answers(state: StackState): Promise<boolean> {
  const access = await clusterAccess(state);
  if (access === undefined) return false;
  const args = ["get", "--raw", "/readyz", "--request-timeout=5s", ...accessArgs("kubectl", access)];
  const result = await exec("kubectl", args, { allowFailure: true, timeoutMs: 15_000 });
  return result.code === 0;
}

/** @throws Error when there is a stack and it stays. */
async function removeStack(): Promise<void> {
  const args = ["stack", "rm", "local", "--yes", "--force", "--preserve-config"];
  const { code, stderr } = await exec("pulumi", args, { cwd: projectRoot, allowFailure: true });
  if (code !== 0 && !/no stack named/.test(stderr)) {
    throw new Error(`the state of the local stack could not be removed: ${stderr.trim()}`);
  }
}

/** Where this checkout keeps the state, without reading it. */
async function forgetStack(): Promise<void> {
  if (!usesFileBackend()) await removeStack();
  const state = stackStateFile("local");
  for (const path of [state, `${state}.bak`, stackLockDir("local"), workingConfig("local")]) {
    rmSync(path, { recursive: true, force: true });
  }
}
