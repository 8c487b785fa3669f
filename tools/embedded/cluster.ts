import { existsSync, rmdirSync } from "node:fs";
import { resolve } from "node:path";
import { withLock } from "../lib/lockfile.ts";
import { createLog, type Log } from "../lib/log.ts";
import { createApiClient } from "./apiClient.ts";
import { findBinaries } from "./binaries.ts";
import { type Binaries, bringUp, type RunningCluster } from "./bringUp.ts";
import { controlPlaneBinaries } from "./controlPlane.ts";
import { adminAccess } from "./credentials.ts";
import { readMarker, removeDataDir } from "./dataDir.ts";
import { defaultDir, type Layout, layoutOf } from "./layout.ts";
import type { NodeDescription } from "./nodeDescription.ts";
import { readPorts } from "./ports.ts";
import { logFile, logTail, type ProcessState, processState, stopProcess } from "./process.ts";
import { serviceNames, servingNames } from "./services.ts";
import { readSettings } from "./settings.ts";
import { rememberVolumes, removeVolumes } from "./volumes.ts";

export interface ClusterOptions {
  /** Data folder; default: this checkout's. Each folder is a cluster of its own. */
  readonly dir?: string | undefined;
  /** Where progress goes; default: standard error. */
  readonly log?: Log | undefined;
}

export interface StartOptions extends ClusterOptions {
  /** The nodes; default: those of the last start, or `defaultNodes`. */
  readonly nodes?: NodeDescription | undefined;
  /** Seconds until a scheduled pod runs; default: that of the last start, or 0. */
  readonly podStartDelay?: number | undefined;
  /** Whether the object store and the tracking server run beside the cluster. @default true */
  readonly services?: boolean | undefined;
}

export interface ProcessStatus {
  readonly name: string;
  readonly state: ProcessState;
  /** Path of its log. */
  readonly log: string;
  /** The end of the log of a process that crashed. */
  readonly lastLines?: string;
}

export interface ClusterStatus {
  readonly dir: string;
  /** false if there is no cluster in the folder. */
  readonly exists: boolean;
  /** Empty if there is no cluster. */
  readonly processes: readonly ProcessStatus[];
  /** Whether every process that the last start was asked for runs. */
  readonly healthy: boolean;
}

/**
 * Starts a cluster, or what is missing of one, and returns once the cluster itself can be used;
 * `waitServices` of the result awaits the object store and the tracking server. Running again changes
 * what the options change and keeps all data. If another start is under way, this one waits for it.
 *
 * @throws Error saying what failed, why, and what to do; what was started until then keeps running, and the
 *   next start goes on from there.
 */
export async function start(options: StartOptions = {}): Promise<RunningCluster> {
  const { layout, log } = contextOf(options);
  const services = options.services ?? true;
  readMarker(layout);
  const binaries: Binaries = findBinaries([...controlPlaneBinaries, ...(services ? ["minio" as const] : [])]);
  const ready = Promise.withResolvers<RunningCluster>();
  // The lock is held until the services are up as well, so that no other start or stop comes between.
  const work = locked(layout, log, async () => {
    const change = { nodes: options.nodes, podStartDelay: options.podStartDelay, services };
    const cluster = await bringUp(layout, log, binaries, change);
    ready.resolve(cluster);
    await cluster.waitServices().catch(() => {}); // reported to who calls waitServices
  });
  work.catch(ready.reject);
  const { handover, waitServices } = await ready.promise;
  if (!services) await work;
  return { handover, waitServices: () => waitServices().finally(() => work) };
}

/** Stops all processes of a cluster, the last started first; its data stays. Nothing runs: no error. */
export async function stop(options: ClusterOptions = {}): Promise<void> {
  const { layout, log } = contextOf(options);
  if (readMarker(layout) === undefined) return;
  await locked(layout, log, () => stopAll(layout, log));
}

/**
 * Stops a cluster and removes its data folder. There is none: no error.
 *
 * @throws Error if the folder is not an embedded cluster's; then nothing is removed.
 */
export async function destroy(options: ClusterOptions = {}): Promise<void> {
  const { layout, log } = contextOf(options);
  if (readMarker(layout) === undefined) return;
  await locked(layout, log, async () => {
    await stopAll(layout, log);
    removeVolumes(layout);
    removeDataDir(layout);
  });
  try {
    rmdirSync(layout.lock);
  } catch {
    // Another start waits in it, or has taken it already.
  }
}

/** How every process of a cluster is doing. Needs no lock, and changes nothing. */
export function status(options: ClusterOptions = {}): ClusterStatus {
  const { layout } = contextOf(options);
  if (readMarker(layout) === undefined) {
    return { dir: layout.dir, exists: false, processes: [], healthy: false };
  }
  const services = readSettings(layout)?.services ?? true;
  const names = [...controlPlaneBinaries, ...(services ? serviceNames : [])];
  const processes = names.map((name): ProcessStatus => {
    const state = processState(layout, name);
    const crashed = state.kind === "crashed" ? { lastLines: logTail(layout, name) } : {};
    return { name, state, log: logFile(layout, name), ...crashed };
  });
  const healthy = processes.every(({ state }) => state.kind === "running");
  return { dir: layout.dir, exists: true, processes, healthy };
}

function contextOf(options: ClusterOptions): { layout: Layout; log: Log } {
  return { layout: layoutOf(resolve(options.dir ?? defaultDir())), log: options.log ?? createLog() };
}

function locked<T>(layout: Layout, log: Log, action: () => Promise<T>): Promise<T> {
  return withLock(layout.lock, action, {
    onWait: (owner) => log.info(`waiting for process ${owner.pid}, which works on ${layout.dir}`),
  });
}

async function stopAll(layout: Layout, log: Log): Promise<void> {
  await log.step(`stop the embedded cluster in ${layout.dir}`, async () => {
    await rememberVolumesIfUp(layout);
    await Promise.all(servingNames.map((name) => stopProcess(layout, name)));
    // Whoever uses the API server goes first and at once; then the server, then its store.
    await Promise.all(
      [...serviceNames, "kwok", "kube-scheduler", "kube-controller-manager"].map((name) =>
        stopProcess(layout, name),
      ),
    );
    await stopProcess(layout, "kube-apiserver");
    await stopProcess(layout, "etcd");
  });
}

async function rememberVolumesIfUp(layout: Layout): Promise<void> {
  const port = readPorts(layout)["kube-apiserver"];
  if (port === undefined || processState(layout, "kube-apiserver").kind !== "running") return;
  try {
    const api = createApiClient({ port, ...adminAccess(layout) });
    try {
      await rememberVolumes(layout, api);
    } finally {
      api.close();
    }
  } catch {
    // A hanging API server or a lost file must not keep the processes from being stopped.
  }
}

/** Path of the kubeconfig of a cluster; throws an Error if there is no cluster. */
export function kubeconfigPath(options: ClusterOptions = {}): string {
  const { layout } = contextOf(options);
  if (existsSync(layout.kubeconfig)) return layout.kubeconfig;
  throw new Error(
    `there is no embedded cluster in ${layout.dir}; start one with \`node tools/embedded/cli.ts start\``,
  );
}
