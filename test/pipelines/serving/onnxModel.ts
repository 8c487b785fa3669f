/** Small ONNX models whose answers prove which version gave them. */
import type { ModelSignature } from "../../../packages/registry/triton/tritonModel.ts";

const FEATURES = 64;
const CLASSES = 10;
const FLOAT = 1;

export const sentinelSignature: ModelSignature = {
  inputs: [{ name: "image", dtype: "float32", shape: [-1, FEATURES] }],
  outputs: [
    { name: "probabilities", dtype: "float32", shape: [-1, CLASSES] },
    { name: "token", dtype: "float32", shape: [-1, 1] },
  ],
};

/** A linear classifier of 64 features whose second output is `token` for every input. */
export function sentinelModel(token: number): Buffer {
  const weights = Array.from({ length: FEATURES * CLASSES }, (_, index) => Math.sin(index + token));
  return message([
    integer(1, 8), // IR version
    bytes(
      7,
      message([
        bytes(1, node("Gemm", ["image", "weights", "bias"], "scores")),
        bytes(1, node("Softmax", ["scores"], "probabilities")),
        bytes(1, node("Gemm", ["image", "nothing", "token_value"], "token")),
        bytes(2, "sentinel"),
        bytes(5, tensor("weights", [FEATURES, CLASSES], weights)),
        bytes(5, tensor("bias", [CLASSES], new Array(CLASSES).fill(0))),
        bytes(5, tensor("nothing", [FEATURES, 1], new Array(FEATURES).fill(0))),
        bytes(5, tensor("token_value", [1], [token])),
        bytes(11, valueInfo("image", FEATURES)),
        bytes(12, valueInfo("probabilities", CLASSES)),
        bytes(12, valueInfo("token", 1)),
      ]),
    ),
    bytes(8, integer(2, 17)), // opset
  ]);
}

function node(operator: string, inputs: readonly string[], output: string): Buffer {
  return message([...inputs.map((input) => bytes(1, input)), bytes(2, output), bytes(4, operator)]);
}

function tensor(name: string, dims: readonly number[], values: readonly number[]): Buffer {
  const raw = Buffer.from(new Float32Array(values).buffer);
  return message([...dims.map((size) => integer(1, size)), integer(2, FLOAT), bytes(8, name), bytes(9, raw)]);
}

function valueInfo(name: string, size: number): Buffer {
  const shape = message([bytes(1, bytes(2, "N")), bytes(1, integer(1, size))]);
  const type = bytes(1, message([integer(1, FLOAT), bytes(2, shape)]));
  return message([bytes(1, name), bytes(2, type)]);
}

// Protocol buffers' wire format: a field is its number and kind, then a varint or a length and bytes.
function message(fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function bytes(field: number, content: string | Buffer): Buffer {
  const data = Buffer.from(content);
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest > 127) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...out, rest]);
}
