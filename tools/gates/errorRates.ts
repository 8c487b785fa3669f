import { accuracyThresholds, parityThresholds, seededRandom } from "@mlops/gates";
import { canaryErrorRates } from "./canaryErrorRates.ts";
import { judgeErrorRates } from "./judgeErrorRates.ts";
import { loadErrorRates } from "./loadErrorRates.ts";
import { type Scenario, simulate } from "./scenarios.ts";
import { percent, rates, table } from "./tables.ts";

export const TRIALS = 10_000;
const SEED = 20_251_121;
/** Of the test splits. */
const DIGITS_ROWS = 342;
const MNIST_ROWS = 10_000;

type Gate = Pick<Scenario, "margin" | "minimumAccuracy">;

const gateOne: Gate = {
  margin: accuracyThresholds.margin,
  minimumAccuracy: accuracyThresholds.minimumAccuracy,
};

/** Half of live's errors are the candidate's too, as with two models of one kind trained on the same rows. */
const against = (n: number, live: number, candidate: number): Scenario => ({
  ...gateOne,
  n,
  live,
  candidate,
  bothWrong: Math.min(1 - live, 1 - candidate) / 2,
});

const first = (n: number, candidate: number): Scenario => ({ ...gateOne, n, candidate });

/** Non-inferiority by 3 points: answers of two models differ on `discordant` of the rows. */
const notWorse = (discordant: number, difference: number): Scenario => {
  const live = 0.85;
  const bothWrong = 1 - live - (discordant + difference) / 2;
  return { n: 1200, live, candidate: live + difference, bothWrong, margin: -0.03, minimumAccuracy: 0 };
};

const firstModels = [0.87, 0.89, 0.9, 0.91, 0.93].map((accuracy) => first(DIGITS_ROWS, accuracy));

const opponents = [
  ...[0.95, 0.97, 0.98, 0.985, 0.99, 0.995].map((candidate) => against(DIGITS_ROWS, 0.97, candidate)),
  ...[0.97, 0.977, 0.979, 0.981, 0.985].map((candidate) => against(MNIST_ROWS, 0.977, candidate)),
];

const notInferior = [
  ...[-0.05, -0.03, 0, 0.02].map((difference) => notWorse(0.06, difference)),
  ...[-0.05, -0.03, 0, 0.02].map((difference) => notWorse(0.14, difference)),
  notWorse(0.27, 0),
];

/** The tables of docs/gates.md, from seeded simulations: the same text on every machine. */
export function errorRateTables(): string {
  return comparisonTables() + canaryTables();
}

/** Those of the gates that compare candidate and live on samples, or under one load. */
export function comparisonTables(): string {
  const random = seededRandom(SEED);
  const { confidence } = accuracyThresholds;
  const simulated = (scenario: Scenario): string => rates(simulate(scenario, TRIALS, confidence, random));
  return [
    `The first model, floor ${percent(accuracyThresholds.minimumAccuracy)}:`,
    "",
    ...table(["n", "true accuracy"], firstModels, (scenario) => [
      String(scenario.n),
      percent(scenario.candidate),
      simulated(scenario),
    ]),
    "",
    "A candidate against live (half of the better model's errors are shared):",
    "",
    ...table(["n", "live", "candidate"], opponents, (scenario) => [
      String(scenario.n),
      percent(scenario.live ?? 0),
      percent(scenario.candidate),
      simulated(scenario),
    ]),
    "",
    "Non-inferiority by 3 points (the same interval with a negative margin):",
    "",
    ...table(["n", "answers that differ", "true difference"], notInferior, (scenario) => [
      String(scenario.n),
      percent(1 - (scenario.live ?? 0) + 1 - scenario.candidate - 2 * (scenario.bothWrong ?? 0)),
      `${((scenario.candidate - (scenario.live ?? 0)) * 100).toFixed(1)} points`,
      simulated(scenario),
    ]),
    "",
    "Gate 2 compares fixed rows, so nothing is left to chance but which rows: an export that answers otherwise on a share of",
    `all inputs is caught by ${parityThresholds.minimumRows} rows with this probability:`,
    "",
    "| share of inputs | caught |",
    "| --- | --- |",
    ...[0.01, 0.03, 0.05].map(
      (share) => `| ${percent(share)} | ${percent(1 - (1 - share) ** parityThresholds.minimumRows)} |`,
    ),
    "",
    "The evaluation gate, 1,200 samples (4 of each of 300 documents); flips are the share of answers that two gradings tell",
    "apart: 15 % and 27 % where each grading errs in 8 % and 15 %, 43 % where it errs in 27 %:",
    "",
    ...judgeErrorRates(TRIALS, seededRandom(SEED)),
    "",
    "The performance gate, latency against live alone; a request takes a fixed time and an exponential one of a quarter of",
    "it on average, each by itself (under load, slow requests come together: fewer requests in effect than counted):",
    "",
    ...loadErrorRates(TRIALS, seededRandom(SEED)),
    "",
    "",
  ].join("\n");
}

/** Those of the canary, which watches both under the users' own traffic. */
export function canaryTables(): string {
  return [
    "The canary, both stages with a look after every 40 requests of the candidate. Latencies are log-normal with a P95 of 2.7",
    "times the median, and counted in the gateway's buckets; live has no errors and refuses 3 % of answerable questions, which",
    "every second request is. Passed: live; inconclusive: ended undecided; failed: stopped:",
    "",
    ...canaryErrorRates(TRIALS, seededRandom(SEED)),
    "",
  ].join("\n");
}
