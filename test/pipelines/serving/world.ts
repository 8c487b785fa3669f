/** Real MinIO, Triton, gateway and reconciler, in a folder of their own. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  keys,
  type ModelRecord,
  type ObjectStore,
  type ServedVersion,
  type Server,
  servedName,
  sumOf,
  tritonVersionFiles,
  type VersionFile,
  versionPrefix,
  writeManifest,
} from "@mlops/registry";
import { createLog } from "../../../tools/lib/log.ts";
import { ensureModelRepository } from "../../../tools/serving/modelRepository.ts";
import { tritonSpec } from "../../../tools/serving/specs.ts";
import { ensureTriton } from "../../../tools/serving/tritonEnvironment.ts";
import { sentinelModel, sentinelSignature } from "./onnxModel.ts";
import { addGatewayAndReconciler, commonPorts, type ProcessGroup, startGroup } from "./processGroup.ts";

export type ServingWorld = ProcessGroup;

/** Starts MinIO, two Triton servers, one gateway and the reconciler. */
export async function startServingWorld(): Promise<ServingWorld> {
  const installation = await ensureTriton(createLog());
  const names = ["triton-0", "triton-1"];
  const extra = names.flatMap((name) => [name, `${name}-grpc`, `${name}-metrics`]);
  const group = await startGroup([...commonPorts, ...extra]);
  const { minio, at, port } = group;
  const triton = names.map(at);
  const tritonPorts = (name: string) => ({
    http: port(name),
    grpc: port(`${name}-grpc`),
    metrics: port(`${name}-metrics`),
  });
  for (const name of names) {
    group.add({
      spec: tritonSpec(name, installation, minio, tritonPorts(name)),
      ready: `${at(name)}/v2/health/live`,
    });
  }
  addGatewayAndReconciler(group, { triton });
  try {
    await ensureModelRepository(minio);
    for (const name of [...names, "gateway", "reconciler"]) await group.start(name);
  } catch (error) {
    await group.destroy();
    throw error;
  }
  return group;
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
  server: Server = "triton",
): Promise<ServedVersion> {
  const name = servedName(model, number);
  const prefix = versionPrefix(server, name);
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
  parts: Partial<Pick<ModelRecord, "server" | "live" | "previous" | "candidate" | "canaryShare">>,
): Promise<void> {
  const updatedAt = new Date().toISOString();
  const fixed = { schemaVersion: 1, evidence: [], updatedAt, updatedBy: "test", server: "triton" };
  const record = { ...fixed, model, epoch, nonce: randomUUID(), ...parts };
  await store.put(keys.record(model), new TextEncoder().encode(JSON.stringify(record)));
}
