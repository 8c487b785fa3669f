/** Real MinIO, Triton, gateway and reconciler, in a folder of their own. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  keys,
  type ModelRecord,
  type ObjectStore,
  type ServedVersion,
  s3Bucket,
  servedName,
  sumOf,
  tritonVersionFiles,
  type VersionFile,
  versionPrefix,
  withRetries,
  writeManifest,
} from "@mlops/registry";
import { findBinaries } from "../../../tools/embedded/binaries.ts";
import { makePrivateDir } from "../../../tools/embedded/files.ts";
import { layoutOf } from "../../../tools/embedded/layout.ts";
import { ensureBuckets } from "../../../tools/embedded/objectStore.ts";
import type { Ports } from "../../../tools/embedded/ports.ts";
import {
  logTail,
  type ProcessSpec,
  processState,
  startProcess,
  stopProcess,
} from "../../../tools/embedded/process.ts";
import { urlAnswersOk } from "../../../tools/embedded/readiness.ts";
import { type MinioHandover, minioSpec } from "../../../tools/embedded/services.ts";
import { waitReady } from "../../../tools/embedded/wait.ts";
import { createLog } from "../../../tools/lib/log.ts";
import { ensureModelRepository } from "../../../tools/serving/modelRepository.ts";
import { gatewaySpec, reconcilerSpec, tritonSpec } from "../../../tools/serving/specs.ts";
import { ensureTriton } from "../../../tools/serving/tritonEnvironment.ts";
import { sentinelModel, sentinelSignature } from "./onnxModel.ts";

export interface ServingWorld {
  readonly store: ObjectStore;
  /** URLs by process name: `minio`, `triton-0`, `triton-1`, `gateway`, `gateway-admin`, `reconciler`. */
  readonly urls: Readonly<Record<string, string>>;
  /** Starts one of the processes, or starts it again, and waits until it answers. */
  start(name: string): Promise<void>;
  /** Ends one of the processes: SIGTERM, or SIGKILL at once. */
  end(name: string, signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Process id of one that runs. */
  pid(name: string): number;
  /** One more gateway, in front of other servers. */
  gatewayFor(triton: readonly string[]): Promise<{ readonly url: string; stop(): Promise<void> }>;
  /** The end of a process's log. */
  log(name: string): string;
  /** Ends everything and removes the folder. */
  destroy(): Promise<void>;
}

/** Starts MinIO, two Triton servers, one gateway and the reconciler. */
export async function startServingWorld(): Promise<ServingWorld> {
  const installation = await ensureTriton(createLog());
  const { minio: binary } = findBinaries(["minio"]);
  const layout = layoutOf(mkdtempSync(join(tmpdir(), "mlops-serving-")));
  for (const dir of [layout.run, layout.logs, layout.minioData]) makePrivateDir(dir);
  const ports = await freePorts();
  const at = (name: string): string => `http://127.0.0.1:${ports[name]}`;
  const minio: MinioHandover = {
    endpoint: at("minio"),
    consoleUrl: at("minio-console"),
    accessKey: "test",
    secretKey: randomUUID(),
  };
  const triton = [at("triton-0"), at("triton-1")];
  const port = (name: string): number => ports[name] ?? 0;
  const tritonPorts = (name: string) => ({
    http: port(name),
    grpc: port(`${name}-grpc`),
    metrics: port(`${name}-metrics`),
  });
  const credentials = { minioAccessKey: minio.accessKey, minioSecretKey: minio.secretKey };
  const specs: Readonly<Record<string, { readonly spec: ProcessSpec; readonly ready: string }>> = {
    minio: {
      spec: minioSpec(binary, layout, ports as Ports, credentials),
      ready: `${minio.endpoint}/minio/health/ready`,
    },
    ...Object.fromEntries(
      ["triton-0", "triton-1"].map((name) => [
        name,
        {
          spec: tritonSpec(name, installation, minio, tritonPorts(name)),
          ready: `${at(name)}/v2/health/live`,
        },
      ]),
    ),
    gateway: {
      spec: gatewaySpec(
        "gateway",
        minio,
        { triton },
        { http: port("gateway"), admin: port("gateway-admin") },
      ),
      ready: `${at("gateway")}/v2/health/ready`,
    },
    reconciler: {
      spec: reconcilerSpec(
        "reconciler",
        minio,
        { triton, gatewayAdmin: [at("gateway-admin")] },
        port("reconciler"),
      ),
      ready: `${at("reconciler")}/healthz`,
    },
  };
  const specOf = (name: string) => {
    const found = specs[name];
    if (found === undefined) throw new Error(`no process ${name}`);
    return found;
  };
  const start = async (name: string): Promise<void> => {
    const { spec, ready } = specOf(name);
    await stopProcess(layout, name);
    await startProcess(layout, spec);
    await waitReady(layout, name, urlAnswersOk(ready));
  };
  process.env.AWS_ACCESS_KEY_ID = minio.accessKey;
  process.env.AWS_SECRET_ACCESS_KEY = minio.secretKey;
  const bucket = { bucket: "model-registry", region: "us-east-1", endpoint: minio.endpoint };
  const world: ServingWorld = {
    store: withRetries(s3Bucket(bucket)),
    urls: Object.fromEntries(Object.keys(ports).map((name) => [name, at(name)])),
    start,
    end: async (name, signal) => {
      const state = processState(layout, name);
      if (signal === "SIGKILL" && state.kind === "running") process.kill(state.pid, "SIGKILL");
      else await stopProcess(layout, name);
    },
    pid: (name) => {
      const state = processState(layout, name);
      if (state.kind !== "running") throw new Error(`${name} does not run`);
      return state.pid;
    },
    gatewayFor: async (servers) => {
      const [http, admin] = [await freePort(), await freePort()];
      await startProcess(layout, gatewaySpec("other-gateway", minio, { triton: servers }, { http, admin }));
      const url = `http://127.0.0.1:${http}`;
      await waitReady(layout, "other-gateway", urlAnswersOk(`${url}/v2/health/ready`));
      return { url, stop: () => stopProcess(layout, "other-gateway") };
    },
    log: (name) => logTail(layout, name),
    destroy: async () => {
      await Promise.all(
        Object.keys(specs)
          .reverse()
          .map((name) => stopProcess(layout, name)),
      );
      rmSync(layout.dir, { recursive: true, force: true });
    },
  };
  try {
    await start("minio");
    await ensureBuckets(minio);
    await ensureModelRepository(minio);
    for (const name of ["triton-0", "triton-1", "gateway", "reconciler"]) await start(name);
  } catch (error) {
    await world.destroy();
    throw error;
  }
  return world;
}

const portNames = [
  ...["minio", "minio-console", "gateway", "gateway-admin", "reconciler"],
  ...["triton-0", "triton-1"].flatMap((name) => [name, `${name}-grpc`, `${name}-metrics`]),
];

async function freePorts(): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const name of portNames) {
    let port = await freePort();
    while (Object.values(ports).includes(port)) port = await freePort();
    ports[name] = port;
  }
  return ports;
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const wrapper = readFileSync(new URL("../../../packages/registry/triton/model.py", import.meta.url));

/** Stores a version whose answers carry its number as `token`. */
export async function storeVersion(
  store: ObjectStore,
  model: string,
  number: number,
  onnx: Uint8Array = sentinelModel(number),
): Promise<ServedVersion> {
  const name = servedName(model, number);
  const version = {
    servedName: name,
    signature: sentinelSignature,
    backend: "python" as const,
    onnx,
    wrapper,
  };
  return storeFiles(store, model, number, tritonVersionFiles(version));
}

/** Stores a version of these files, and its manifest. */
export async function storeFiles(
  store: ObjectStore,
  model: string,
  number: number,
  files: readonly VersionFile[],
): Promise<ServedVersion> {
  const name = servedName(model, number);
  const prefix = versionPrefix("triton", name);
  const source = { runId: "test", registeredModel: model, registeredVersion: String(number) };
  for (const { path, content } of files) await store.put(`${prefix}/${path}`, content);
  const sha256 = await writeManifest(store, prefix, {
    schemaVersion: 1,
    servedName: name,
    files: files.map(({ path, content }) => ({ path, size: content.length, sha256: sumOf(content) })),
    source,
  });
  return { version: number, servedName: name, artifact: { prefix, sha256 }, source };
}

/** Writes a record, whatever was there; the gates are not what these tests are about. */
export async function publish(
  store: ObjectStore,
  model: string,
  epoch: number,
  parts: Partial<Pick<ModelRecord, "live" | "previous" | "candidate" | "canaryShare">>,
): Promise<void> {
  const updatedAt = new Date().toISOString();
  const fixed = { schemaVersion: 1, evidence: [], updatedAt, updatedBy: "test", server: "triton" };
  const record = { ...fixed, model, epoch, nonce: randomUUID(), ...parts };
  await store.put(keys.record(model), new TextEncoder().encode(JSON.stringify(record)));
}
