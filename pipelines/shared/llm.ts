/** The parts that pipelines of language models are put together from. */
import {
  anyOf,
  type Condition,
  equals,
  type Flow,
  integer,
  number,
  type Parameter,
  type Reference,
  run,
  type Step,
  skipped,
  succeeded,
  text,
} from "../builder/index.ts";
import { checkpoints } from "./parameters.ts";
import { asks, decides, loads, measures, tunes } from "./sizes.ts";
import { addCommit, addLoading, type Loaded, staged } from "./staging.ts";

/** Secret with MLOPS_JUDGE_URL, MLOPS_JUDGE_MODEL and MLOPS_JUDGE_API_KEY. */
export const judgeSecret = "judge";

export const llmParameters = {
  model: text({ description: "Stable name that clients ask for", default: "docs-assistant" }),
} as const satisfies Record<string, Parameter>;

export const registeredParameter = {
  "registered-model": text({ description: "Name in MLflow's registry", default: "docs-assistant-adapter" }),
} as const satisfies Record<string, Parameter>;

export const datasetParameters = {
  dataset: text({ description: "Data set of questions about documents", default: "docs-qa" }),
  "dataset-version": text({ description: "Its folder in the bucket", default: "v1" }),
} as const satisfies Record<string, Parameter>;

export const tuningParameters = {
  epochs: integer({ description: "Most epochs", default: 1, minimum: 1, maximum: 1000 }),
  rank: integer({ description: "Rank of the adapter", default: 16, minimum: 1, maximum: 16 }),
  "learning-rate": number({
    description: "Of AdamW at its peak; 0: by the base model's size",
    default: 0,
    minimum: 0,
  }),
  seed: integer({ description: "Of weights, order and draws", default: 0, minimum: 0 }),
  "maximum-loss": number({
    description: "Gate: largest loss of held-out completions, nats a token",
    default: Math.LN2,
    minimum: 0,
  }),
} as const satisfies Record<string, Parameter>;

export const evaluationParameters = {
  samples: integer({ description: "Held-out questions", default: 1200, minimum: 50, maximum: 100_000 }),
  "minimum-a": number({
    description: "Gate: least share of answers graded A",
    default: 0.7,
    minimum: 0,
    maximum: 1,
  }),
  "maximum-c": number({
    description: "Gate: largest share of answers graded C",
    default: 0.1,
    minimum: 0,
    maximum: 1,
  }),
} as const satisfies Record<string, Parameter>;

export const performanceParameters = {
  prompts: integer({ description: "Requests to each of the two", default: 1200, minimum: 200 }),
  clients: integer({
    description: "Clients that ask at the same time",
    default: 10,
    minimum: 1,
    maximum: 1000,
  }),
  "maximum-ratio": number({
    description: "Gate: largest ratio of a P95 to that of live and of the anchor",
    default: 1.15,
    minimum: 0.01,
  }),
  "minimum-ratio": number({
    description: "Gate: least ratio of the throughput to that of live and of the anchor",
    default: 0.85,
    minimum: 0,
  }),
} as const satisfies Record<string, Parameter>;

export const promotionParameters = {
  shares: text({
    description: "Shares of live's requests that the canary gets, in turn",
    default: "0.1,0.5",
  }),
  "stage-seconds": integer({ description: "Least duration of each share", default: 30, minimum: 0 }),
} as const satisfies Record<string, Parameter>;

type Names<P> = Readonly<Record<Extract<keyof P, string>, Reference>>;
type Dataset = Names<typeof datasetParameters>;

function datasetOf(parameters: Dataset): Dataset {
  return { dataset: parameters.dataset, "dataset-version": parameters["dataset-version"] };
}

/** Data check, training, and the gate of the adapter alone; then it is chosen for deployment. Returns the last step. */
export function addFineTuning(
  flow: Flow,
  parameters: Dataset &
    Names<typeof tuningParameters> &
    Names<typeof llmParameters> &
    Names<typeof registeredParameter>,
): { readonly chosen: Step; readonly registeredVersion: Reference } {
  const { model, epochs, rank, seed, "registered-model": registeredModel } = parameters;
  const dataset = datasetOf(parameters);
  // Our own questions are made where they are missing; others have to be there.
  const made = flow.add("make-data", {
    ...measures,
    runs: "llm.make_corpus",
    parameters: { "dataset-version": dataset["dataset-version"] },
    when: equals(dataset.dataset, "docs-qa"),
  });
  const train = flow.add("train", {
    ...tunes,
    runs: "llm.train",
    parameters: {
      ...dataset,
      "base-model": "$(MLOPS_LLM_BASE_MODEL)",
      "base-revision": "$(MLOPS_LLM_BASE_REVISION)",
      epochs,
      rank,
      "learning-rate": parameters["learning-rate"],
      seed,
      "registered-model": registeredModel,
      "run-key": run.uid,
      checkpoints,
    },
    outputs: ["model-version"],
    after: [anyOf(succeeded(made), skipped(made))],
  });
  const registeredVersion = train.outputs["model-version"];
  const measured = flow.add("measure-loss", {
    ...tunes,
    runs: "llm.measure_loss",
    parameters: { ...dataset, "registered-model": registeredModel, "model-version": registeredVersion },
    artifacts: ["measurements"],
  });
  const gate = flow.add("gate-loss", {
    ...decides,
    runs: "gate-loss",
    parameters: { "maximum-loss": parameters["maximum-loss"] },
    inputs: { measurement: measured.artifacts.measurements },
  });
  const chosen = flow.add("register-candidate", {
    ...decides,
    runs: "register-candidate",
    parameters: { model, "registered-model": registeredModel, "registered-version": registeredVersion },
    after: [succeeded(gate)],
  });
  return { chosen, registeredVersion };
}

/** From the chosen adapter to the staged candidate: nothing may be asked of it before the last step succeeded. */
export function addStaging(
  flow: Flow,
  parameters: Dataset & Names<typeof llmParameters>,
  {
    registeredVersion,
    after,
  }: { readonly registeredVersion?: Reference; readonly after?: readonly Condition[] } = {},
): Loaded {
  const { model } = parameters;
  const dataset = datasetOf(parameters);
  const probes = flow.add("probes", {
    ...measures,
    runs: "llm.evaluation_samples",
    parameters: { ...dataset, samples: 16 },
    artifacts: ["samples"],
    ...(after === undefined ? {} : { after }),
  });
  const loaded = addLoading(flow, { model, registeredVersion, after });
  const { version, claimed } = loaded;
  const last = flow.add("smoke", {
    ...staged,
    runs: "smoke",
    parameters: { model, version, ...dataset },
    inputs: { samples: probes.artifacts.samples },
    after: [succeeded(loaded.last)],
  });
  return { version, claimed, steps: [probes, ...loaded.steps, last], last };
}

/** The candidate that is staged now, where a pipeline did not stage it itself. */
export function addCandidate(flow: Flow, { model }: Names<typeof llmParameters>): Reference {
  const shown = flow.add("candidate", {
    ...decides,
    runs: "show-live",
    parameters: { model },
    outputs: ["candidate-version"],
  });
  return shown.outputs["candidate-version"];
}

interface Gated {
  readonly version: Reference;
  readonly after?: readonly Condition[];
}

/** Questions to candidate and live, the judge's grades, and the gate. */
export function addEvaluation(
  flow: Flow,
  parameters: Dataset & Names<typeof llmParameters> & Names<typeof evaluationParameters>,
  { version, after }: Gated,
): { readonly steps: readonly Step[]; readonly last: Step } {
  const { model, samples } = parameters;
  const dataset = datasetOf(parameters);
  const drawn = flow.add("evaluation-samples", {
    ...measures,
    runs: "llm.evaluation_samples",
    parameters: { ...dataset, samples },
    artifacts: ["samples"],
    ...(after === undefined ? {} : { after }),
  });
  const evaluated = flow.add("evaluate", {
    ...asks,
    runs: "evaluate-llm",
    parameters: { model, version, ...dataset },
    inputs: { samples: drawn.artifacts.samples },
    artifacts: ["measurement"],
    optionalSecrets: [judgeSecret],
  });
  const last = flow.add("gate-evaluation", {
    ...decides,
    // Evidence goes with a candidate that was taken back.
    rerun: true,
    runs: "gate-evaluation",
    parameters: {
      model,
      version,
      "minimum-a": parameters["minimum-a"],
      "maximum-c": parameters["maximum-c"],
    },
    inputs: { measurement: evaluated.artifacts.measurement },
    artifacts: ["page"],
  });
  return { steps: [drawn, evaluated, last], last };
}

/** Candidate and live under load, interleaved, and the gate. */
export function addPerformance(
  flow: Flow,
  parameters: Dataset & Names<typeof llmParameters> & Names<typeof performanceParameters>,
  { version, after }: Gated,
): { readonly steps: readonly Step[]; readonly last: Step } {
  const { model, prompts, clients } = parameters;
  const dataset = datasetOf(parameters);
  const drawn = flow.add("performance-prompts", {
    ...measures,
    runs: "llm.evaluation_samples",
    // The same for every version, so that their figures can be compared.
    parameters: { ...dataset, samples: 400 },
    artifacts: ["samples"],
    ...(after === undefined ? {} : { after }),
  });
  const subjects = flow.add("subjects", {
    ...decides,
    runs: "show-live",
    parameters: { model },
    outputs: ["served-name", "candidate-name"],
    ...(after === undefined ? {} : { after }),
  });
  const measured = flow.add("measure-performance", {
    ...loads,
    runs: "measure-performance",
    parameters: {
      model,
      candidate: subjects.outputs["candidate-name"],
      live: subjects.outputs["served-name"],
      prompts,
      concurrency: clients,
    },
    inputs: { samples: drawn.artifacts.samples },
    artifacts: ["loads"],
  });
  const last = flow.add("gate-performance", {
    ...decides,
    rerun: true,
    runs: "gate-performance",
    parameters: {
      model,
      version,
      ...dataset,
      "maximum-ratio": parameters["maximum-ratio"],
      "minimum-ratio": parameters["minimum-ratio"],
    },
    inputs: { loads: measured.artifacts.loads, samples: drawn.artifacts.samples },
  });
  return { steps: [drawn, subjects, measured, last], last };
}

/** Growing shares of live's requests, then all of them. */
export function addPromotion(
  flow: Flow,
  parameters: Dataset & Names<typeof llmParameters> & Names<typeof promotionParameters>,
  { version, after }: Gated,
): { readonly steps: readonly Step[] } {
  const { model, shares } = parameters;
  const dataset = datasetOf(parameters);
  const questions = flow.add("canary-questions", {
    ...measures,
    runs: "llm.evaluation_samples",
    parameters: { ...dataset, samples: 200 },
    artifacts: ["samples"],
    ...(after === undefined ? {} : { after }),
  });
  const watched = flow.add("canary", {
    ...asks,
    rerun: true,
    runs: "canary",
    parameters: { model, version, ...dataset, shares, seconds: parameters["stage-seconds"] },
    inputs: { samples: questions.artifacts.samples },
    ...(after === undefined ? {} : { after }),
  });
  const committed = addCommit(flow, model, version, succeeded(watched));
  return { steps: [questions, watched, committed] };
}
