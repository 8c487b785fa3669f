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
import { servingUrls, tritonReplicas, vllmReplicas } from "./addresses.ts";
import { allowedCores } from "./cores.ts";
import { ensureModelRepository } from "./modelRepository.ts";
import {
  adaptersSpec,
  gatewaySpec,
  type ModelServers,
  reconcilerSpec,
  tritonSpec,
  vllmSpec,
} from "./specs.ts";
import { type BaseModel, ensureTinyDocs, uploadBase } from "./tinyDocs.ts";
import { ensureTriton, type TritonInstallation } from "./tritonEnvironment.ts";
import { placeGuard, vllmPython } from "./vllmEnvironment.ts";

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

/** Kinds of servers that can be started. */
export type ModelServer = "triton" | "vllm";

/**
 * Starts the named servers' replicas, the gateway and the reconciler, or what is missing of them, and returns the
 * URLs of all by service name once those answer. Running again changes nothing; other servers go on as they are.
 *
 * @throws Error if the embedded cluster has no object store, or a process does not come up, with the end of its log.
 */
export async function startServing(
  options: ServingOptions & { readonly servers?: readonly ModelServer[] } = {},
): Promise<Record<string, string>> {
  const { servers = ["triton"] } = options;
  const { layout, log } = contextOf(options);
  const { minio, ports } = readHandover(layout.dir);
  const urls = servingUrls(ports);
  if (minio === undefined || urls.gateway === undefined || urls.vllm === undefined) {
    throw new Error(
      "the embedded cluster runs without its object store, or was started by an older version; run `make cluster`",
    );
  }
  const context = { layout, minio, port: (name: string): number => ports[name] ?? 0, urls };
  const parts = [
    ...(servers.includes("triton") ? tritonParts(context, await ensureTriton(log)) : []),
    ...(servers.includes("vllm")
      ? vllmParts(context, await vllmPython(log), await prepareBase(minio, log))
      : []),
    ...commonParts(context),
  ];
  await locked(layout, log, async () => {
    await log.step(`start ${[...servers, "gateway and reconciler"].join(", ")}`, async () => {
      await ensureModelRepository(minio);
      for (const { spec } of parts) {
        if (runsAs(layout, spec)) continue;
        await stopProcess(layout, spec.name);
        await startProcess(layout, spec);
      }
      await Promise.all(
        parts.map(({ spec, ready, limitMs }) => waitReady(layout, spec.name, urlAnswersOk(ready), limitMs)),
      );
    });
  });
  return urls;
}

interface Part {
  readonly spec: ProcessSpec;
  /** URL that answers 200 once it is ready. */
  readonly ready: string;
  readonly limitMs?: number;
}

interface PartsContext {
  readonly layout: Layout;
  readonly minio: MinioHandover;
  readonly port: (name: string) => number;
  readonly urls: Readonly<Record<string, string>>;
}

/** Three processes of a vLLM server load PyTorch one after the other, two servers at once. */
const VLLM_START_MS = 600_000;

async function prepareBase(minio: MinioHandover, log: Log): Promise<BaseModel> {
  const base = await ensureTinyDocs(log);
  await uploadBase(minio, base);
  return base;
}

function tritonParts({ minio, port }: PartsContext, installation: TritonInstallation): Part[] {
  return tritonReplicas.map((name) => {
    const own = { http: port(name), grpc: port(`${name}-grpc`), metrics: port(`${name}-metrics`) };
    return {
      spec: tritonSpec(name, installation, minio, own),
      ready: `http://127.0.0.1:${own.http}/v2/health/live`,
    };
  });
}

function vllmParts(context: PartsContext, python: string, base: BaseModel): Part[] {
  const { layout, minio, port } = context;
  const guardDir = placeGuard(layout.dir);
  const { vllm, adapters } = addressesOf(context);
  const cores = allowedCores();
  return [
    { spec: adaptersSpec("adapters", minio, { vllm, adapters }), ready: `${at(port("adapters"))}/healthz` },
    ...vllmReplicas.map((name, index) => {
      const own = { port: port(name), core: cores[index % cores.length] ?? 0, guardDir };
      const spec = vllmSpec(name, python, base, minio, own);
      return { spec, ready: `${at(own.port)}/health`, limitMs: VLLM_START_MS };
    }),
  ];
}

/** The same whichever servers run, so that starting others does not restart these. */
function commonParts(context: PartsContext): Part[] {
  const { minio, port, urls } = context;
  const addresses = addressesOf(context);
  const gatewayAdmin = [urls["gateway-admin"] ?? ""];
  const own = { http: port("gateway"), admin: port("gateway-admin") };
  return [
    {
      spec: gatewaySpec("gateway", minio, addresses, own),
      ready: `${urls.gateway}/v2/health/ready`,
    },
    {
      spec: reconcilerSpec("reconciler", minio, { ...addresses, gatewayAdmin }, port("reconciler")),
      ready: `${urls.reconciler}/healthz`,
    },
  ];
}

function addressesOf({ layout, port, urls }: PartsContext): Required<ModelServers> {
  return {
    triton: (urls.triton ?? "").split(","),
    vllm: (urls.vllm ?? "").split(","),
    adapters: { dir: join(layout.dir, "adapters"), port: port("adapters") },
  };
}

function at(port: number): string {
  return `http://127.0.0.1:${port}`;
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
