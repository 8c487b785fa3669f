/** Records, gateways and waiting, as the tests of the gateway and the reconciler need them. */
import { randomUUID } from "node:crypto";
import { Gateway, type GatewayOptions, type Logger, tritonBackend } from "@mlops/gateway";
import {
  keys,
  type Manifest,
  type ModelRecord,
  type ObjectStore,
  type ServedVersion,
  servedName,
  sumOf,
  versionPrefix,
  writeManifest,
} from "@mlops/registry";

export const quiet: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/** A version of which nothing is stored. */
export function version(model: string, number: number, sha256 = "0".repeat(64)): ServedVersion {
  const name = servedName(model, number);
  return {
    version: number,
    servedName: name,
    artifact: { prefix: versionPrefix("triton", name), sha256 },
    source: { runId: "run", registeredModel: model, registeredVersion: String(number) },
  };
}

/** A version whose files and manifest are stored. */
export async function storedVersion(
  store: ObjectStore,
  model: string,
  number: number,
): Promise<ServedVersion> {
  const plain = version(model, number);
  const { prefix } = plain.artifact;
  const content = new TextEncoder().encode(`model ${number}`);
  await store.put(`${prefix}/1/model.onnx`, content);
  const manifest: Manifest = {
    schemaVersion: 1,
    servedName: plain.servedName,
    files: [{ path: "1/model.onnx", size: content.length, sha256: sumOf(content) }],
    source: plain.source,
  };
  return version(model, number, await writeManifest(store, prefix, manifest));
}

type RecordParts = Partial<Pick<ModelRecord, "server" | "live" | "previous" | "candidate" | "canaryShare">>;

/** @param parts its server is Triton unless they say otherwise. */
export function record(
  model: string,
  epoch: number,
  { server = "triton", ...parts }: RecordParts,
): ModelRecord {
  const updatedAt = new Date(0).toISOString();
  const fixed = { schemaVersion: 1 as const, evidence: [], updatedAt, updatedBy: "test" };
  return { ...fixed, model, epoch, nonce: randomUUID(), server, ...parts };
}

/** Stores a record, whatever was there. */
export async function publish(store: ObjectStore, value: ModelRecord): Promise<void> {
  await store.put(keys.record(value.model), new TextEncoder().encode(JSON.stringify(value)));
}

/** A gateway with short intervals in front of Triton replicas. */
export function gatewayOptions(store: ObjectStore, urls: () => readonly string[]): GatewayOptions {
  return {
    host: "127.0.0.1",
    port: 0,
    adminPort: 0,
    store,
    servers: { triton: { source: async () => urls(), backend: tritonBackend, timeoutMs: 5_000 } },
    log: quiet,
    waitMs: 5_000,
    body: { keep: 64 << 10, accept: 1 << 20 },
    maxInFlight: 1_000,
    records: { pollMs: 10, listMs: 20 },
    probe: { probeMs: 20 },
  };
}

/** A gateway by these options that is ready. */
export async function startGateway(
  store: ObjectStore,
  urls: () => readonly string[],
  options: Partial<GatewayOptions> = {},
): Promise<Gateway> {
  const gateway = new Gateway({ ...gatewayOptions(store, urls), ...options });
  await gateway.start();
  await until(() => gateway.ready);
  return gateway;
}

/** Resolves once `condition` holds; fails after 10 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never held: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** An inference request through a gateway. */
export function infer(gateway: Gateway, name: string, init: RequestInit = {}): Promise<Response> {
  const url = `http://127.0.0.1:${gateway.port}/v2/models/${name}/infer`;
  return fetch(url, { method: "POST", body: "{}", ...init });
}

/** The version that answered. */
export function versionOf(response: Response): string | null {
  return response.headers.get("x-mlops-model-version");
}
