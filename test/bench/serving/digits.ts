/** The digits model that is measured: how it is made, put on Triton and asked. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Batching,
  type ModelSignature,
  type ServedVersion,
  servedName,
  tritonVersionFiles,
} from "@mlops/registry";
import { exec } from "../../../tools/lib/exec.ts";
import type { Log } from "../../../tools/lib/log.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { publish, type ServingWorld, storeFiles } from "../../pipelines/serving/world.ts";
import type { Target } from "./attack.ts";
import { answers } from "./gateway.ts";

export const model = "digits";
const signature: ModelSignature = {
  inputs: [{ name: "image", dtype: "float32", shape: [-1, 64] }],
  outputs: [{ name: "probabilities", dtype: "float32", shape: [-1, 10] }],
};

export interface TrainedDigits {
  /** Folder of its own, to be removed: model.onnx, mlflow/, sample.json. */
  readonly folder: string;
  readonly onnx: Uint8Array;
  /** One picture, row by row. */
  readonly sample: readonly number[];
}

/** @param python Of the training environment. */
export async function trainDigits(log: Log, python: string): Promise<TrainedDigits> {
  const folder = mkdtempSync(join(tmpdir(), "mlops-bench-serving-"));
  await log.step("train the digits model", () =>
    exec(python, [fileURLToPath(new URL("model.py", import.meta.url)), folder], { timeoutMs: 300_000 }),
  );
  const sample = JSON.parse(readFileSync(join(folder, "sample.json"), "utf8")) as number[];
  return { folder, onnx: readFileSync(join(folder, "model.onnx")), sample };
}

/** Makes a version live, alone, and waits until Triton has it. Each number once. */
export async function deployDigits(
  world: ServingWorld,
  onnx: Uint8Array,
  version: number,
  batching?: Batching,
): Promise<ServedVersion> {
  const wrapper = readFileSync(join(projectRoot, "packages/registry/triton/model.py"));
  const name = servedName(model, version);
  const files = tritonVersionFiles({
    servedName: name,
    signature,
    backend: "python",
    onnx,
    wrapper,
    ...(batching === undefined ? {} : { batching }),
  });
  const live = await storeFiles(world.store, model, version, files);
  await publish(world.store, model, version, { live });
  await answers(`${world.urls["triton-0"]}/v2/models/${name}/ready`);
  return live;
}

/** A request of KServe's protocol. */
export function jsonTarget(url: string, sample: readonly number[]): Target {
  const tensor = { name: "image", shape: [1, 64], datatype: "FP32", data: sample };
  return { url, body: JSON.stringify({ inputs: [tensor] }), headers: { "content-type": "application/json" } };
}

/** The same in Triton's binary form: a JSON header, then the numbers as they are. */
export function binaryTarget(url: string, sample: readonly number[]): Target {
  const input = {
    name: "image",
    shape: [1, 64],
    datatype: "FP32",
    parameters: { binary_data_size: 256 },
  };
  const output = { name: "probabilities", parameters: { binary_data: true } };
  const header = Buffer.from(JSON.stringify({ inputs: [input], outputs: [output] }));
  const body = Buffer.concat([header, Buffer.from(new Float32Array(sample).buffer)]);
  const headers = {
    "content-type": "application/octet-stream",
    "inference-header-content-length": String(header.length),
  };
  return { url, body, headers };
}
