/** What steps ask for, by what they do. */
import type { Retries } from "../builder/flow.ts";

const minute = 60;
const hour = 60 * minute;

/** Trains a network: on a T4 where there is one. */
export const trains = {
  image: "training",
  resources: { cpu: "2", memory: "4Gi" },
  accelerator: { class: "t4", count: 1 },
  deadline: 6 * hour,
  retries: { limit: 2, backoffSeconds: 10 } satisfies Retries,
} as const;

/** Runs a trained network over held-out data. */
export const measures = {
  image: "training",
  resources: { cpu: "1", memory: "2Gi" },
  deadline: 30 * minute,
  retries: { limit: 2, backoffSeconds: 5 } satisfies Retries,
} as const;

/** Decides, or changes what serves. */
export const decides = {
  image: "deployment",
  role: "deployment",
  resources: { cpu: "250m", memory: "512Mi" },
  deadline: 10 * minute,
  retries: { limit: 2, backoffSeconds: 2 } satisfies Retries,
} as const;

/** Trains an adapter of a language model: on an L4 where there is one. */
export const tunes = { ...trains, accelerator: { class: "l4", count: 1 } } as const;

/** Asks served models, or a judge, many questions. */
export const asks = { ...decides, deadline: 6 * hour } as const;

/** Puts a load on served models. */
export const loads = {
  image: "benchmark",
  role: "deployment",
  resources: { cpu: "1", memory: "2Gi" },
  deadline: 2 * hour,
  retries: { limit: 1, backoffSeconds: 10 } satisfies Retries,
} as const;

/** Seconds that a whole pipeline may take. */
export const deadlines = {
  training: 12 * hour,
  deployment: hour,
  evaluation: 8 * hour,
  llm: 24 * hour,
} as const;
