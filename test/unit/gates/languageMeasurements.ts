/** Measurements of language models for tests. */
import type { Conditions, GradedSample, Load, LossSample } from "@mlops/gates";

/** Completions of 10 tokens, two a document, whose losses a token are given with a spread between documents. */
export function lossSamples(documents: number, candidate: number, base: number, spread = 0.1): LossSample[] {
  return Array.from({ length: 2 * documents }, (_, index) => {
    const document = Math.floor(index / 2);
    const shift = spread * Math.sin(document);
    return {
      document: `${document}`,
      tokens: 10,
      candidate: 10 * candidate,
      base: Math.max(0, 10 * (base + shift)),
    };
  });
}

/** 400 documents of three samples, every fifth of them without an answer; all graded A, twice alike, and refused. */
export function gradedSamples(change: (index: number) => Partial<GradedSample> = () => ({})): GradedSample[] {
  return Array.from({ length: 1200 }, (_, index) => ({
    id: `${index}`,
    document: `${Math.floor(index / 3)}`,
    negative: index % 5 === 0,
    refused: index % 5 === 0,
    candidate: "A",
    live: "A",
    again: "A",
    ...change(index),
  }));
}

export const load: Load = {
  requests: 1200,
  succeeded: 1200,
  requestsPerSecond: 3.6,
  outputTokensPerSecond: 400,
  latency: { p50: 2.5, p95: 4.9, p99: 6 },
  timeToFirstToken: { p50: 0.2, p95: 0.5, p99: 0.8 },
  interToken: { p50: 0.02, p95: 0.03, p99: 0.05 },
};

export const conditions: Conditions = {
  machine: { cpu: "x86-64", cores: 8, memoryGib: 32, accelerator: "L4", accelerators: 1, replicas: 2 },
  server: "vllm 0.11.0",
  concurrency: 10,
  promptsSha256: "e".repeat(64),
};

const written = (version: string) => ({
  model_name: "helper",
  model_version: version,
  model_sha256: "a".repeat(64),
});
const data = { name: "questions", version: "v1", sha256: "d".repeat(64), split: "test" };

export const writtenLoss = {
  schema: 1,
  ...written("2"),
  base: { name: "tiny", revision: "0123abc" },
  data,
  samples: [
    { document: "a", tokens: 12, candidate: 3.5, base: 20 },
    { document: "b", tokens: 7, candidate: null, base: 11 },
  ],
};

const writtenSample = {
  id: "1",
  document: "a",
  negative: false,
  refused: false,
  candidate: "A",
  live: "B",
  again: "B",
};

export const writtenEvaluation = {
  schema: 1,
  data,
  judge: { model: "judge-1", prompt_sha256: "f".repeat(64) },
  candidate: written("2"),
  live: written("1"),
  samples: [writtenSample, { ...writtenSample, id: "2", candidate: null }],
};

const writtenLoad = {
  requests: 1200,
  succeeded: 1199,
  requests_per_second: 3.6,
  output_tokens_per_second: 400,
  latency_seconds: { p50: 2.5, p95: 4.9, p99: 6 },
  time_to_first_token_seconds: { p50: 0.2, p95: 0.5, p99: 0.8 },
  inter_token_seconds: { p50: 0.02, p95: 0.03, p99: null },
};
const writtenConditions = {
  machine: { cpu: "x86-64", cores: 8, memory_gib: 32, accelerator: null, accelerators: 0, replicas: 2 },
  server: "vllm 0.11.0",
  concurrency: 10,
  prompts_sha256: "e".repeat(64),
};

export const writtenPerformance = {
  schema: 1,
  data,
  conditions: writtenConditions,
  candidate: { ...written("2"), load: writtenLoad },
  live: { ...written("1"), load: writtenLoad },
  anchor: { conditions: writtenConditions, load: writtenLoad },
};
