/** Measurements for tests, made from counts. */
import type { AccuracyMeasurement, ModelReference, ParityMeasurement } from "@mlops/gates";

export const model: ModelReference = {
  registeredModel: "digits",
  registeredVersion: "2",
  sha256: "a".repeat(64),
};
const dataset = { name: "digits", version: "v1", split: "test", sha256: "d".repeat(64) };

interface Counts {
  readonly n: number;
  /** Right by the candidate. */
  readonly correct: number;
  /** Both or none: without them there is no live model. */
  readonly candidateOnly?: number;
  readonly liveOnly?: number;
}

export function accuracyOf({ n, correct, candidateOnly, liveOnly }: Counts): AccuracyMeasurement {
  const right = (count: number, from = 0): (0 | 1)[] =>
    Array.from({ length: n }, (_, index) => (index >= from && index < from + count ? 1 : 0));
  const candidate = { model, correct: right(correct) };
  if (candidateOnly === undefined || liveOnly === undefined) {
    return { dataset, candidate };
  }
  // The candidate is right on the first rows; live misses the first of these and is right on some after them.
  const live = {
    model: { ...model, registeredVersion: "1" },
    correct: right(correct - candidateOnly + liveOnly, candidateOnly),
  };
  return { dataset, candidate, live };
}

/** 100 rows whose answers are the same to six digits. */
export const parity: ParityMeasurement = {
  model,
  onnxSha256: "b".repeat(64),
  dataset,
  samples: 100,
  maximumProbabilityDifference: 4e-7,
  maximumLogitDifference: 3e-6,
  topAgreement: 1,
};

/** What `evaluate` writes, as the training package does. */
export const writtenAccuracy = {
  schema: 1,
  data: { name: "digits", version: "scikit-learn", sha256: "d".repeat(64), split: "test", n: 4 },
  candidate: {
    model_name: "digits",
    model_version: "2",
    model_sha256: "a".repeat(64),
    accuracy: 0.75,
    correct: [1, 1, 0, 1],
  },
  live: {
    model_name: "digits",
    model_version: "1",
    model_sha256: "c".repeat(64),
    accuracy: 0.5,
    correct: [1, 0, 0, 1],
  },
};

/** What `measure_onnx` writes. */
export const writtenParity = {
  schema: 1,
  model_name: "digits",
  model_version: "2",
  model_sha256: "a".repeat(64),
  onnx_sha256: "b".repeat(64),
  data: { name: "digits", version: "v1", sha256: "d".repeat(64), split: "test" },
  samples: 100,
  max_probability_difference: 4e-7,
  max_logit_difference: 3e-6,
  top1_agreement: 1,
};

/** What `export_onnx` leaves for the test of a deployment: two samples of two pixels, three classes. */
export const writtenSamples = {
  schema: 1,
  model_name: "digits",
  model_version: "2",
  model_sha256: "a".repeat(64),
  data: { name: "digits", version: "v1", sha256: "d".repeat(64), split: "test" },
  input: { name: "input", datatype: "FP32", shape: [2, 2], data: [0, 1, 0.5, 0.5] },
  expected: {
    outputs: [
      { name: "logits", datatype: "FP32", shape: [2, 3], data: [0, 1, 2, 2, 1, 0] },
      { name: "probabilities", datatype: "FP32", shape: [2, 3], data: [0.1, 0.2, 0.7, 0.7, 0.2, 0.1] },
    ],
    classes: [2, 0],
  },
  labels: [2, 0],
};
