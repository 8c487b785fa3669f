/** Starts and stops what serves models beside the embedded cluster, while a pipeline or a person needs it. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { readHandover } from "../embedded/handover.ts";
import { defaultDir, type Layout, layoutOf } from "../embedded/layout.ts";
import {
  logFile,
  logTail,
  type ProcessSpec,
  type ProcessState,
  processState,
  runsAs,
  startProcess,
  stopProcess,
} from "../embedded/process.ts";
import { urlAnswersOk } from "../embedded/readiness.ts";
import type { MinioHandover } from "../embedded/services.ts";
import { servingNames } from "../embedded/services.ts";
import { waitReady } from "../embedded/wait.ts";
import { withLock } from "../lib/lockfile.ts";
import { createLog, type Log } from "../lib/log.ts";
import { servingUrls, tritonReplicas } from "./addresses.ts";
import { ensureModelRepository } from "./modelRepository.ts";
import { gatewaySpec, reconcilerSpec, tritonSpec } from "./specs.ts";
import { ensureTriton, type TritonInstallation } from "./tritonEnvironment.ts";

export interface ServingOptions {
  /** Data folder of the embedded cluster; default: this checkout's. */
  readonly dir?: string | undefined;
  readonly log?: Log | undefined;
}

export interface ServingProcess {
  readonly name: string;
  readonly state: ProcessState;
  readonly log: string;
  /** The end of the log of a process that crashed. */
  readonly lastLines?: string;
}

/**
 * Starts Triton's replicas, the gateway and the reconciler, or what is missing of them, and returns their URLs by
 * service name once all answer. Running again changes nothing.
 *
 * @throws Error if the embedded cluster has no object store, or a process does not come up, with the end of its log.
 */
export async function startServing(options: ServingOptions = {}): Promise<Record<string, string>> {
  const { layout, log } = contextOf(options);
  const { minio, ports } = readHandover(layout.dir);
  const urls = servingUrls(ports);
  if (minio === undefined || urls.gateway === undefined) {
    throw new Error(
      "the embedded cluster runs without its object store, or was started by an older version; run `make cluster`",
    );
  }
  const installation = await ensureTriton(log);
  await locked(layout, log, async () => {
    await log.step("start Triton, gateway and reconciler", async () => {
      await ensureModelRepository(minio);
      const specs = specsOf(installation, minio, ports, urls);
      for (const spec of specs) {
        if (runsAs(layout, spec)) continue;
        await stopProcess(layout, spec.name);
        await startProcess(layout, spec);
      }
      const port = (name: string): string => `http://127.0.0.1:${ports[name]}`;
      await Promise.all([
        ...tritonReplicas.map((name) =>
          waitReady(layout, name, urlAnswersOk(`${port(name)}/v2/health/live`)),
        ),
        waitReady(layout, "gateway", urlAnswersOk(`${urls.gateway}/v2/health/ready`)),
        waitReady(layout, "reconciler", urlAnswersOk(`${urls.reconciler}/healthz`)),
      ]);
    });
  });
  return urls;
}

function specsOf(
  installation: TritonInstallation,
  minio: MinioHandover,
  ports: Readonly<Record<string, number>>,
  urls: Readonly<Record<string, string>>,
): ProcessSpec[] {
  const port = (name: string): number => ports[name] ?? 0;
  const triton = (urls.triton ?? "").split(",");
  const gatewayAdmin = [urls["gateway-admin"] ?? ""];
  return [
    ...tritonReplicas.map((name) => {
      const own = { http: port(name), grpc: port(`${name}-grpc`), metrics: port(`${name}-metrics`) };
      return tritonSpec(name, installation, minio, own);
    }),
    gatewaySpec("gateway", minio, { triton }, { http: port("gateway"), admin: port("gateway-admin") }),
    reconcilerSpec("reconciler", minio, { triton, gatewayAdmin }, port("reconciler")),
  ];
}

/** Stops them; nothing runs: no error. The gateway goes first, while its servers still answer. */
export async function stopServing(options: ServingOptions = {}): Promise<void> {
  const { layout, log } = contextOf(options);
  if (!existsSync(layout.marker)) return;
  await locked(layout, log, async () => {
    await stopProcess(layout, "gateway", 40_000);
    await Promise.all(servingNames.map((name) => stopProcess(layout, name, 15_000)));
  });
}

/** How each of them is doing. */
export function servingStatus(options: ServingOptions = {}): ServingProcess[] {
  const { layout } = contextOf(options);
  return servingNames.map((name) => {
    const state = processState(layout, name);
    const crashed = state.kind === "crashed" ? { lastLines: logTail(layout, name) } : {};
    return { name, state, log: logFile(layout, name), ...crashed };
  });
}

function contextOf(options: ServingOptions): { layout: Layout; log: Log } {
  return { layout: layoutOf(resolve(options.dir ?? defaultDir())), log: options.log ?? createLog() };
}

/** A lock of its own: the cluster's is held until all its services are up, which this needs. */
function locked<T>(layout: Layout, log: Log, action: () => Promise<T>): Promise<T> {
  return withLock(join(layout.dir, "serving.lock"), action, {
    onWait: (owner) => log.info(`waiting for process ${owner.pid}, which starts or stops serving`),
  });
}
