/**
 * What the training steps measure and the gates judge: the files between the two (training/README.md). A
 * measurement never holds a verdict. A number that was not finite is null, because JSON has no NaN.
 */
import { z } from "zod";

/** Lower-case hexadecimal SHA-256. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A registered model version. */
export const modelReference = z.object({
  registeredModel: z.string().min(1),
  registeredVersion: z.string().min(1),
  /** Of the model's files, as `train` prints it. */
  sha256,
});
export type ModelReference = z.infer<typeof modelReference>;

/** Held-out rows; `sha256` is over the whole data set. */
export const datasetReference = z.object({
  name: z.string().min(1),
  version: z.string().min(1),
  split: z.string().min(1),
  sha256,
});
export type DatasetReference = z.infer<typeof datasetReference>;

/** A model as the steps write it. */
export const writtenModel = z.object({
  model_name: z.string().min(1),
  model_version: z.string().min(1),
  model_sha256: sha256,
});

export function referenceOf(written: z.infer<typeof writtenModel>): ModelReference {
  return {
    registeredModel: written.model_name,
    registeredVersion: written.model_version,
    sha256: written.model_sha256,
  };
}

export interface Correctness {
  readonly model: ModelReference;
  /** 1 where the model's first answer is right, else 0; one entry a row, in the rows' order. */
  readonly correct: readonly (0 | 1)[];
}

/** Candidate and, unless nothing is live, live model on the same held-out rows. */
export interface AccuracyMeasurement {
  readonly dataset: DatasetReference;
  readonly candidate: Correctness;
  readonly live?: Correctness | undefined;
}

const writtenCorrectness = writtenModel.extend({
  correct: z.array(z.union([z.literal(0), z.literal(1)])).min(1),
});

/** What `evaluate` writes. */
export const accuracyMeasurement = z
  .object({
    schema: z.literal(1),
    data: datasetReference.extend({ n: z.int().positive() }),
    candidate: writtenCorrectness,
    live: writtenCorrectness.nullable(),
  })
  .refine(({ data, candidate }) => candidate.correct.length === data.n, {
    message: "must hold n entries",
    path: ["candidate", "correct"],
  })
  .refine(({ data, live }) => live === null || live.correct.length === data.n, {
    message: "must hold n entries",
    path: ["live", "correct"],
  })
  .transform(({ data: { n: _rows, ...dataset }, candidate, live }): AccuracyMeasurement => {
    const correctness = (written: typeof candidate): Correctness => ({
      model: referenceOf(written),
      correct: written.correct,
    });
    return {
      dataset,
      candidate: correctness(candidate),
      ...(live === null ? {} : { live: correctness(live) }),
    };
  });

/** The same held-out rows through PyTorch (eval mode, fp32, TF32 off) and ONNX Runtime. */
export interface ParityMeasurement {
  readonly model: ModelReference;
  /** SHA-256 of the exported file that was measured. */
  readonly onnxSha256: string;
  readonly dataset: DatasetReference;
  /** Rows that were compared. */
  readonly samples: number;
  /** Largest absolute difference of a probability; null if one was not finite. */
  readonly maximumProbabilityDifference: number | null;
  readonly maximumLogitDifference: number | null;
  /** Share of rows with the same first answer. */
  readonly topAgreement: number;
}

/** What `measure_onnx` writes. */
export const parityMeasurement = writtenModel
  .extend({
    schema: z.literal(1),
    onnx_sha256: sha256,
    data: datasetReference,
    samples: z.int().nonnegative(),
    max_probability_difference: z.number().nonnegative().nullable(),
    max_logit_difference: z.number().nonnegative().nullable(),
    top1_agreement: z.number().min(0).max(1),
  })
  .transform(
    (written): ParityMeasurement => ({
      model: referenceOf(written),
      onnxSha256: written.onnx_sha256,
      dataset: written.data,
      samples: written.samples,
      maximumProbabilityDifference: written.max_probability_difference,
      maximumLogitDifference: written.max_logit_difference,
      topAgreement: written.top1_agreement,
    }),
  );

/** A tensor as the inference protocol names it (`FP32`); -1 is the batch. */
const tensor = z.object({
  name: z.string().min(1),
  datatype: z.string().min(1),
  shape: z.array(z.int()).min(1),
});
export type Tensor = z.infer<typeof tensor>;

/** What `export_onnx` writes beside the file, as an artifact of the run. */
export const exportMetadata = writtenModel
  .extend({
    schema: z.literal(1),
    run_id: z.string().min(1),
    onnx_sha256: sha256,
    opset: z.int(),
    inputs: z.array(tensor).min(1),
    outputs: z.array(tensor).min(1),
    /** Class names in the order of the outputs. */
    labels: z.array(z.string()),
    /** How pictures become numbers, in words. */
    pixels: z.string().optional(),
  })
  .transform(
    ({ schema: _schema, run_id, onnx_sha256, model_name, model_version, model_sha256, ...rest }) => ({
      ...rest,
      runId: run_id,
      onnxSha256: onnx_sha256,
      model: referenceOf({ model_name, model_version, model_sha256 }),
    }),
  );
export type ExportMetadata = z.infer<typeof exportMetadata>;

/** A tensor with its values, row-major. */
const filledTensor = tensor.extend({ data: z.array(z.number()) });
export type FilledTensor = z.infer<typeof filledTensor>;

/** What `export_onnx` leaves for the test of a deployment: held-out rows and what the registered model answers to them. */
export const functionalSamples = writtenModel
  .extend({
    schema: z.literal(1),
    data: datasetReference,
    input: filledTensor,
    expected: z.object({ outputs: z.array(filledTensor).min(1) }),
  })
  .transform((written, context) => {
    const probabilities = written.expected.outputs.find(({ name }) => name === "probabilities");
    if (probabilities === undefined || probabilities.shape.length !== 2) {
      context.addIssue({ code: "custom", message: "needs an output probabilities of rows and classes" });
      return z.NEVER;
    }
    return {
      model: referenceOf(written),
      dataset: written.data,
      input: written.input,
      expected: probabilities,
    };
  });
export type FunctionalSamples = z.infer<typeof functionalSamples>;
