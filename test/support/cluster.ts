/** The embedded cluster of a workspace, asked directly and not through the code under test. */
import { spawn } from "node:child_process";
import { status } from "../../tools/embedded/cluster.ts";
import { type ExecOptions, exec } from "../../tools/lib/exec.ts";
import { killProcess } from "./processes.ts";
import type { Workspace } from "./workspace.ts";

export function embeddedDir(workspace: Workspace): string {
  return workspace.path(".mlops", "embedded");
}

function access(workspace: Workspace): string[] {
  return ["--kubeconfig", workspace.path(".mlops", "embedded", "kubeconfig")];
}

async function tool(name: string, workspace: Workspace, args: readonly string[]): Promise<string> {
  const options: ExecOptions = { timeoutMs: 60_000 };
  const result = await exec(workspace.path(".mlops", "bin", name), [...access(workspace), ...args], options);
  return result.stdout;
}

/** Runs kubectl on the workspace's cluster and returns what it prints. */
export function kubectl(workspace: Workspace, ...args: string[]): Promise<string> {
  return tool("kubectl", workspace, args);
}

export interface HelmRelease {
  readonly name: string;
  readonly namespace: string;
  readonly status: string;
}

/** Every Helm release of the cluster, whatever became of it. */
export async function helmReleases(workspace: Workspace): Promise<HelmRelease[]> {
  const listed = await tool("helm", workspace, ["list", "--all", "--all-namespaces", "-o", "json"]);
  const releases = JSON.parse(listed) as HelmRelease[];
  return releases.map(({ name, namespace, status }) => ({ name, namespace, status }));
}

/** What Kubernetes makes and remakes by itself. */
const transient = new Set(["events", "events.events.k8s.io", "leases.coordination.k8s.io", "nodes"]);

/** `kind namespace/name` of every object of the cluster. */
export async function allObjects(workspace: Workspace): Promise<string[]> {
  const listed = await kubectl(workspace, "api-resources", "--verbs=list", "-o", "name");
  const kinds = listed.split("\n").filter((kind) => kind !== "" && !transient.has(kind));
  const columns = "custom-columns=:.kind,:.metadata.namespace,:.metadata.name";
  const objects = await kubectl(workspace, "get", kinds.join(","), "-A", "--no-headers", "-o", columns);
  const lines = objects.split("\n").map((line) => line.trim().split(/\s+/));
  return lines.flatMap(([kind, namespace, name]) => (name ? [`${kind} ${namespace}/${name}`] : [])).sort();
}

/** Whether the API server can be used. */
export async function answers(workspace: Workspace): Promise<boolean> {
  try {
    await kubectl(workspace, "get", "--raw", "/readyz");
    return true;
  } catch {
    return false;
  }
}

/** Waits for the first object that appears or changes after the call and that kubectl's arguments select. */
export async function firstChange(workspace: Workspace, ...selection: string[]): Promise<string> {
  const args = [...access(workspace), "get", ...selection, "--watch-only", "--no-headers"];
  const child = spawn(workspace.path(".mlops", "bin", "kubectl"), args, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stdout.once("data", (data) => resolve(String(data)));
  child.once("error", reject);
  child.once("close", (code) => reject(new Error(`kubectl ${args.join(" ")} ended with ${code}`)));
  try {
    return await promise;
  } finally {
    child.kill();
  }
}

/** SIGKILL to every process of the cluster and of what runs beside it. */
export function killCluster(workspace: Workspace): number {
  const running = status({ dir: embeddedDir(workspace) }).processes.flatMap(({ state }) =>
    state.kind === "running" ? [state.pid] : [],
  );
  for (const pid of running) killProcess(pid);
  return running.length;
}
