/** What is measured of language models, in the same form as measurements.ts: files between steps and gates. */
import { z } from "zod";
import {
  type DatasetReference,
  datasetReference,
  type ModelReference,
  referenceOf,
  sha256,
  writtenModel,
} from "./measurements.ts";

/** Sum of the negative log-likelihood of a completion's tokens in nats; null if it was not finite. */
const likelihood = z.number().nonnegative().nullable();

/** One held-out completion under the adapter and under its base model alone, in the same tokens. */
export interface LossSample {
  readonly document: string;
  /** Tokens of the completion: what the prompt costs is not counted. */
  readonly tokens: number;
  readonly candidate: number | null;
  readonly base: number | null;
}

export interface LossMeasurement {
  readonly model: ModelReference;
  readonly base: { readonly name: string; readonly revision: string };
  readonly dataset: DatasetReference;
  readonly samples: readonly LossSample[];
}

/** What measuring the loss of an adapter writes. */
export const lossMeasurement = writtenModel
  .extend({
    schema: z.literal(1),
    base: z.object({ name: z.string().min(1), revision: z.string().min(1) }),
    data: datasetReference,
    samples: z
      .array(
        z.object({
          document: z.string().min(1),
          tokens: z.int().positive(),
          candidate: likelihood,
          base: likelihood,
        }),
      )
      .min(1),
  })
  .transform(
    (written): LossMeasurement => ({
      model: referenceOf(written),
      base: written.base,
      dataset: written.data,
      samples: written.samples,
    }),
  );

export const grade = z.enum(["A", "B", "C"]);
/** A: right and complete; B: usable; C: wrong or harmful. */
export type Grade = z.infer<typeof grade>;

const gradedSample = z.object({
  id: z.string().min(1),
  document: z.string().min(1),
  /** The context does not hold the answer: to refuse is right. */
  negative: z.boolean(),
  /** The candidate refused, by a fixed rule on the text and not by a grade: the judge's flips are not in it. */
  refused: z.boolean(),
  /** Grade of the candidate's answer; null if the judge gave none that could be read. */
  candidate: grade.nullable(),
  /** Grade of live's answer; null also if nothing is live. */
  live: grade.nullable(),
  /** Second, independent grade of live's answer, or of the candidate's if nothing is live. */
  again: grade.nullable(),
});
export type GradedSample = z.infer<typeof gradedSample>;

/** Grades of the answers of candidate and live to the same held-out samples. */
export interface EvaluationMeasurement {
  readonly dataset: DatasetReference;
  readonly judge: { readonly model: string; readonly promptSha256: string };
  readonly candidate: ModelReference;
  readonly live?: ModelReference | undefined;
  readonly samples: readonly GradedSample[];
}

/** What the evaluation writes. */
export const evaluationMeasurement = z
  .object({
    schema: z.literal(1),
    data: datasetReference,
    judge: z.object({ model: z.string().min(1), prompt_sha256: sha256 }),
    candidate: writtenModel,
    live: writtenModel.nullable(),
    samples: z.array(gradedSample).min(1),
  })
  .refine(({ samples }) => new Set(samples.map(({ id }) => id)).size === samples.length, {
    message: "must have an id of their own each",
    path: ["samples"],
  })
  .refine(({ live, samples }) => live !== null || samples.every((sample) => sample.live === null), {
    message: "must hold no grades of live where nothing is live",
    path: ["samples"],
  })
  .transform(
    ({ data, judge, candidate, live, samples }): EvaluationMeasurement => ({
      dataset: data,
      judge: { model: judge.model, promptSha256: judge.prompt_sha256 },
      candidate: referenceOf(candidate),
      ...(live === null ? {} : { live: referenceOf(live) }),
      samples,
    }),
  );

const seconds = z.number().nonnegative().nullable();
const percentiles = z.object({ p50: seconds, p95: seconds, p99: seconds });

const writtenLoad = z
  .object({
    requests: z.int().positive(),
    /** Complete answers without an error. */
    succeeded: z.int().nonnegative(),
    /** Complete answers a second. */
    requests_per_second: z.number().nonnegative().nullable(),
    output_tokens_per_second: z.number().nonnegative().nullable(),
    /** From the first byte sent to the last byte received, by the client's clock. */
    latency_seconds: percentiles,
    time_to_first_token_seconds: percentiles,
    inter_token_seconds: percentiles,
  })
  .refine(({ requests, succeeded }) => succeeded <= requests, {
    message: "must not be more than requests",
    path: ["succeeded"],
  });
const load = writtenLoad.transform((written) => ({
  requests: written.requests,
  succeeded: written.succeeded,
  requestsPerSecond: written.requests_per_second,
  outputTokensPerSecond: written.output_tokens_per_second,
  latency: written.latency_seconds,
  timeToFirstToken: written.time_to_first_token_seconds,
  interToken: written.inter_token_seconds,
}));
/** One model under load, measured at the clients: seconds, and null where a number was not finite. */
export type Load = z.infer<typeof load>;

/** What a figure depends on besides the model: other conditions cannot be compared. */
const writtenConditions = z.object({
  machine: z.object({
    cpu: z.string().min(1),
    cores: z.int().positive(),
    memory_gib: z.int().positive(),
    /** Model of the accelerators; null without. */
    accelerator: z.string().min(1).nullable(),
    accelerators: z.int().nonnegative(),
    /** Serving replicas, each of this shape. */
    replicas: z.int().positive(),
  }),
  /** Name and version of the server. */
  server: z.string().min(1),
  /** Clients that ask at the same time. */
  concurrency: z.int().positive(),
  /** Of the prompts and the limits of their answers. */
  prompts_sha256: sha256,
});
const conditions = writtenConditions.transform(
  ({ machine: { memory_gib, ...machine }, prompts_sha256, ...rest }) => ({
    ...rest,
    machine: { ...machine, memoryGib: memory_gib },
    promptsSha256: prompts_sha256,
  }),
);
export type Conditions = z.infer<typeof conditions>;

/** A fixed earlier measurement: against live alone, small losses would add up unseen from model to model. */
const anchor = z.object({ conditions, load });
export type Anchor = z.infer<typeof anchor>;
/** An anchor as it is kept. */
export const writtenAnchor = z.object({ conditions: writtenConditions, load: writtenLoad });
export type WrittenAnchor = z.infer<typeof writtenAnchor>;

/** Two models under load as the benchmark writes them: by served name, because it knows no registry. */
export const measuredLoads = z.object({
  schema: z.literal(1),
  /** Name and version of what made the load. */
  tool: z.string().min(1),
  conditions: writtenConditions,
  candidate: z.object({ served_name: z.string().min(1), load: writtenLoad }),
  live: z.object({ served_name: z.string().min(1), load: writtenLoad }).nullable(),
  /** What the servers said of themselves meanwhile; for people. */
  servers: z.unknown(),
});
export type MeasuredLoads = z.infer<typeof measuredLoads>;

/** Candidate and live, interleaved in one run. */
export interface PerformanceMeasurement {
  readonly dataset: DatasetReference;
  readonly conditions: Conditions;
  readonly candidate: { readonly model: ModelReference; readonly load: Load };
  readonly live?: { readonly model: ModelReference; readonly load: Load } | undefined;
  readonly anchor?: Anchor | undefined;
}

const loadedModel = writtenModel.extend({ load });

/** What the load test writes. */
export const performanceMeasurement = z
  .object({
    schema: z.literal(1),
    data: datasetReference,
    conditions,
    candidate: loadedModel,
    live: loadedModel.nullable(),
    /** Null until one was fixed: the first model's passing measurement becomes it. */
    anchor: anchor.nullable(),
  })
  .transform(({ data, conditions, candidate, live, anchor }): PerformanceMeasurement => {
    const loaded = (written: typeof candidate) => ({ model: referenceOf(written), load: written.load });
    return {
      dataset: data,
      conditions,
      candidate: loaded(candidate),
      ...(live === null ? {} : { live: loaded(live) }),
      ...(anchor === null ? {} : { anchor }),
    };
  });
