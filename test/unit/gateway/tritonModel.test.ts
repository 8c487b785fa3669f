import {
  batching,
  type ModelSignature,
  SignatureError,
  tritonConfig,
  tritonVersionFiles,
} from "@mlops/registry";
import { describe, expect, it } from "vitest";

const onnx = new Uint8Array([1]);
const wrapper = new Uint8Array([2]);
const signature: ModelSignature = {
  inputs: [{ name: "image", dtype: "float32", shape: [-1, 1, 28, -1] }],
  outputs: [{ name: "probabilities", dtype: "float32", shape: [-1, 10] }],
};
const good = { servedName: "digits-v3", signature, backend: "onnxruntime", onnx } as const;

describe("tritonVersionFiles", () => {
  it("is what each backend needs", () => {
    const paths = (files: readonly { path: string }[]): string[] => files.map(({ path }) => path);
    expect(paths(tritonVersionFiles(good))).toEqual(["config.pbtxt", "1/model.onnx"]);
    const python = { ...good, backend: "python" as const };
    const files = tritonVersionFiles({ ...python, wrapper });
    expect(paths(files)).toEqual(["config.pbtxt", "1/model.onnx", "1/model.py"]);
    expect(files[2]?.content).toBe(wrapper);
    expect(() => tritonVersionFiles(python)).toThrow("model.py");
  });
});

describe("tritonConfig", () => {
  it("leaves the batch to Triton, and warms up with sizes that exist", () => {
    const measured = { maxBatchSize: 32, maxQueueDelayMicroseconds: 500, instances: 2 };
    const config = tritonConfig({ ...good, batching: measured });
    for (const part of [
      'name: "digits-v3"',
      'backend: "onnxruntime"',
      "max_batch_size: 32",
      'input { name: "image" data_type: TYPE_FP32 dims: [ 1, 28, -1 ] }',
      'output { name: "probabilities" data_type: TYPE_FP32 dims: [ 10 ] }',
      "instance_group { count: 2 kind: KIND_AUTO }",
      "dynamic_batching { max_queue_delay_microseconds: 500 }",
      "dims: [ 1, 28, 1 ] zero_data: true",
    ]) {
      expect(config).toContain(part);
    }
    expect(tritonConfig({ ...good, backend: "python" })).toContain("KIND_CPU");
    const preferred = { ...measured, preferredBatchSizes: [8, 16] };
    expect(tritonConfig({ ...good, batching: preferred })).toContain(
      "preferred_batch_size: [ 8, 16 ] max_queue",
    );
  });

  it("has the batching of its backend", () => {
    for (const backend of ["python", "onnxruntime"] as const) {
      const config = tritonConfig({ ...good, backend });
      const { maxBatchSize, maxQueueDelayMicroseconds, instances } = batching[backend];
      expect(config).toContain(`max_batch_size: ${maxBatchSize}\n`);
      expect(config).toContain(`max_queue_delay_microseconds: ${maxQueueDelayMicroseconds} }`);
      expect(config).toContain(`instance_group { count: ${instances} `);
    }
  });

  it("names everything that cannot be served, at once", () => {
    const bad = {
      inputs: [
        { name: 'a"} evil', dtype: "float32", shape: [-1, 2] },
        { name: "b", dtype: "object", shape: [-1, 2] },
        { name: "c", dtype: "float32", shape: [1, 2] },
        { name: "d", dtype: "float32", shape: [-1] },
        { name: "e", dtype: "float32", shape: [-1, 0] },
      ],
      outputs: [],
    };
    let message = "";
    try {
      tritonConfig({ ...good, servedName: "UPPER/../x", signature: bad });
    } catch (error) {
      expect(error).toBeInstanceOf(SignatureError);
      message = (error as Error).message;
    }
    for (const part of ["evil", "element type object", '"c"', '"d"', '"e"', "no outputs", "UPPER/../x"]) {
      expect(message).toContain(part);
    }
  });
});
