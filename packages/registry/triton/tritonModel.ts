/** From a model's signature to the files of one version in Triton's repository layout; pure. */

/** Which backend runs the ONNX file: Triton's own, or the Python backend with ONNX Runtime in it. */
export const tritonBackends = ["onnxruntime", "python"] as const;
export type TritonBackend = (typeof tritonBackends)[number];

/** Triton's tensor types by the names that NumPy, and so MLflow's signatures, give them. */
const dataTypes = {
  bool: "BOOL",
  uint8: "UINT8",
  uint16: "UINT16",
  uint32: "UINT32",
  uint64: "UINT64",
  int8: "INT8",
  int16: "INT16",
  int32: "INT32",
  int64: "INT64",
  float16: "FP16",
  float32: "FP32",
  float64: "FP64",
} as const;

export interface TensorSignature {
  /** The tensor's name in the ONNX graph. */
  readonly name: string;
  /** NumPy's name of the element type, e.g. `float32`. */
  readonly dtype: string;
  /** Whole shape; the first dimension is the batch and -1, other dimensions may be -1 too. */
  readonly shape: readonly number[];
}

export interface ModelSignature {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
}

/** One file of a version folder; `path` is relative to it. */
export interface VersionFile {
  readonly path: string;
  readonly content: Uint8Array;
}

export interface TritonVersion {
  /** Unique per version, and the name of the folder: `<model>-v<version>`. */
  readonly servedName: string;
  readonly signature: ModelSignature;
  readonly backend: TritonBackend;
  /** The ONNX model. */
  readonly onnx: Uint8Array;
  /** The generic Python-backend model (model.py beside this file); needed for `python` only. */
  readonly wrapper?: Uint8Array;
  /** @default what the sweep found best for the backend */
  readonly batching?: Batching;
}

/** How Triton merges requests. */
export interface Batching {
  /** Requests that are merged into one run, at most. */
  readonly maxBatchSize: number;
  /** Sizes that are run at once, without waiting for more. */
  readonly preferredBatchSizes?: readonly number[];
  /** Microseconds that requests wait for others to be merged with. 0 merges what is queued already. */
  readonly maxQueueDelayMicroseconds: number;
  /** Copies of the model that run at once on each server. */
  readonly instances: number;
}

/**
 * What a deployment writes. `python` is what `make bench-serving SWEEP=1` chose; `onnxruntime` is not measured, and has the
 * numbers that hold back no request.
 */
export const batching: Readonly<Record<TritonBackend, Batching>> = {
  python: { maxBatchSize: 64, maxQueueDelayMicroseconds: 500, instances: 1 },
  onnxruntime: { maxBatchSize: 64, maxQueueDelayMicroseconds: 0, instances: 1 },
};

/** A signature that cannot be served. */
export class SignatureError extends Error {
  override readonly name = "SignatureError";
}

/**
 * The files of a version folder: `config.pbtxt`, `1/model.onnx` and, for the Python backend, `1/model.py`.
 *
 * @throws SignatureError naming every tensor that Triton cannot take; nothing is made up.
 */
export function tritonVersionFiles(version: TritonVersion): VersionFile[] {
  const text = new TextEncoder();
  const files: VersionFile[] = [
    { path: "config.pbtxt", content: text.encode(tritonConfig(version)) },
    { path: "1/model.onnx", content: version.onnx },
  ];
  if (version.backend === "onnxruntime") return files;
  if (version.wrapper === undefined) throw new Error("the Python backend needs the wrapper model.py");
  return [...files, { path: "1/model.py", content: version.wrapper }];
}

/** Triton's model configuration in protobuf text form. */
export function tritonConfig(version: TritonVersion): string {
  const { servedName, signature, backend } = version;
  const problems = signatureProblems(signature);
  if (!/^[a-z0-9][-a-z0-9]*$/.test(servedName)) problems.push(`the name "${servedName}" is not a model name`);
  if (problems.length > 0) throw new SignatureError(`the model cannot be served: ${problems.join("; ")}`);
  const {
    maxBatchSize,
    preferredBatchSizes: preferred,
    maxQueueDelayMicroseconds: delay,
    instances,
  } = version.batching ?? batching[backend];
  const sizes = preferred === undefined ? "" : `preferred_batch_size: [ ${preferred.join(", ")} ] `;
  return [
    `name: "${servedName}"`,
    `backend: "${backend}"`,
    `max_batch_size: ${maxBatchSize}`,
    ...signature.inputs.map((tensor) => `input { ${tensorConfig(tensor)} }`),
    ...signature.outputs.map((tensor) => `output { ${tensorConfig(tensor)} }`),
    `instance_group { count: ${instances} kind: ${backend === "python" ? "KIND_CPU" : "KIND_AUTO"} }`,
    `dynamic_batching { ${sizes}max_queue_delay_microseconds: ${delay} }`,
    // The version is ready only after it has answered once: the first client does not pay for lazy set-up.
    `model_warmup { name: "zeros" batch_size: 1 ${signature.inputs.map(warmupInput).join(" ")} }`,
    "",
  ].join("\n");
}

function tensorConfig({ name, dtype, shape }: TensorSignature): string {
  return `name: "${name}" data_type: TYPE_${tritonType(dtype)} dims: [ ${dimsOf(shape).join(", ")} ]`;
}

function warmupInput({ name, dtype, shape }: TensorSignature): string {
  const dims = dimsOf(shape).map((size) => Math.max(size, 1));
  return `inputs { key: "${name}" value { data_type: TYPE_${tritonType(dtype)} dims: [ ${dims.join(", ")} ] zero_data: true } }`;
}

/** Dimensions of one item; Triton adds the batch itself. */
function dimsOf(shape: readonly number[]): readonly number[] {
  return shape.slice(1);
}

/** Triton's name of an element type in the inference protocol, e.g. `FP32`; undefined for unknown ones. */
export function tritonType(dtype: string): string | undefined {
  return (dataTypes as Readonly<Record<string, string>>)[dtype];
}

/** NumPy's name of an element type of the inference protocol, e.g. `float32` of `FP32`; undefined for unknown ones. */
export function numpyType(datatype: string): string | undefined {
  return Object.entries(dataTypes).find(([, name]) => name === datatype)?.[0];
}

function signatureProblems({ inputs, outputs }: ModelSignature): string[] {
  const problems: string[] = [];
  if (inputs.length === 0) problems.push("it has no inputs");
  if (outputs.length === 0) problems.push("it has no outputs");
  for (const { name, dtype, shape } of [...inputs, ...outputs]) {
    if (!/^[\w.:/-]+$/.test(name)) problems.push(`tensor "${name}" has no name that Triton can take`);
    if (tritonType(dtype) === undefined) problems.push(`tensor "${name}" has the element type ${dtype}`);
    if (shape.length < 2 || shape[0] !== -1) {
      problems.push(
        `tensor "${name}" has the shape [${shape.join(", ")}]; the first of two or more dimensions must be the batch, -1`,
      );
    }
    const rest = shape.slice(1);
    if (rest.some((size) => size === 0 || size < -1)) {
      problems.push(`tensor "${name}" has the shape [${shape.join(", ")}] with a size that cannot be`);
    }
  }
  return problems;
}
