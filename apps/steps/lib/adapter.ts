/** LoRA adapters as training leaves them in MLflow, and as vLLM loads them. */
import type { MlflowArtifacts, Run } from "@mlops/mlflow";
import { adapterFiles, sumOf } from "@mlops/registry";
import { z } from "zod";
import type { StepContext } from "./context.ts";
import { InputError } from "./errors.ts";
import { jsonOf } from "./json.ts";

/** Folder of the run's artifacts that the adapter lies in. */
export const adapterFolder = "adapter";

/** Where the base model that an adapter was trained on comes from, exactly. */
export const baseModel = z.object({ name: z.string().min(1), revision: z.string().min(1) });
export type BaseModel = z.infer<typeof baseModel>;

export interface Adapter {
  readonly config: Uint8Array;
  readonly weights: Uint8Array;
  /** Of the weights: what the gates judged. */
  readonly sha256: string;
  readonly rank: number;
}

const adapterConfig = z.object({ peft_type: z.literal("LORA"), r: z.int().positive() });

/**
 * The adapter of a run.
 *
 * @throws InputError naming every file that is missing or that vLLM could not load.
 */
export async function readAdapter({ mlflow }: StepContext, run: Run): Promise<Adapter> {
  const [config, weights] = await Promise.all(
    [adapterFiles.config, adapterFiles.weights].map((name) => readFile(mlflow.artifacts, run, name)),
  );
  const parsed = config === undefined ? undefined : adapterConfig.safeParse(jsonOf(config));
  const problems = [
    ...(config === undefined ? [`${adapterFiles.config} is missing`] : []),
    ...(parsed?.error === undefined
      ? []
      : [`${adapterFiles.config} is no LoRA adapter's: ${z.prettifyError(parsed.error)}`]),
    ...(weights === undefined ? [`${adapterFiles.weights} is missing`] : safetensorsProblems(weights)),
  ];
  if (config === undefined || weights === undefined || parsed?.data === undefined || problems.length > 0) {
    throw new InputError(
      `run ${run.runId} holds no adapter that can be served: ${problems.join("; ")}; train it again`,
    );
  }
  return { config, weights, sha256: sumOf(weights), rank: parsed.data.r };
}

function readFile(artifacts: MlflowArtifacts, run: Run, name: string): Promise<Uint8Array | undefined> {
  return artifacts.read(run, `${adapterFolder}/${name}`);
}

const tensorHeader = z.record(
  z.string(),
  z.union([
    z.object({ data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]) }),
    // `__metadata__`
    z.record(z.string(), z.string()),
  ]),
);

/**
 * What is wrong with a file of tensors: 8 bytes with the length of a JSON header, the header, then the tensors'
 * bytes without a gap. Source: the safetensors format.
 */
export function safetensorsProblems(content: Uint8Array): string[] {
  const name = adapterFiles.weights;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const length = content.byteLength < 8 ? 0 : Number(view.getBigUint64(0, true));
  if (length < 2 || length > content.byteLength - 8) return [`${name} has no header: it is corrupted`];
  const parsed = tensorHeader.safeParse(jsonOf(content.subarray(8, 8 + length)));
  if (!parsed.success) return [`${name} has a header that is corrupted`];
  const ends = Object.values(parsed.data).flatMap((entry) =>
    Array.isArray(entry.data_offsets) ? [entry.data_offsets[1] ?? 0] : [],
  );
  const wanted = 8 + length + Math.max(0, ...ends);
  if (ends.length === 0) return [`${name} holds no tensors`];
  return wanted === content.byteLength
    ? []
    : [`${name} has ${content.byteLength} bytes, its header says ${wanted}: it is cut off or corrupted`];
}
