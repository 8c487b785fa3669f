/** Simulated judges: true grades of two models by document, and gradings that err. */
import {
  binomial,
  designEffect,
  type EvaluationCounts,
  type EvaluationThresholds,
  type Grade,
  type GradedSample,
  judgeEvaluationCounts,
  type Random,
  type Verdict,
} from "@mlops/gates";
import { aliasTable, drawFrom } from "./aliasTable.ts";
import type { Rates } from "./scenarios.ts";

/** Probability of a pair of true grades of one sample. */
export interface TruePair {
  readonly candidate: Grade;
  readonly live: Grade;
  readonly probability: number;
}

export interface JudgedScenario {
  readonly documents: number;
  readonly samplesPerDocument: number;
  /** They add up to 1. */
  readonly pairs: readonly TruePair[];
  /** Probability that a sample goes as its document does, instead of by itself. */
  readonly clustering: number;
  /** Share of answers that two gradings tell apart. */
  readonly flips: number;
  readonly negatives: number;
  readonly refusal: number;
}

const grades: readonly Grade[] = ["A", "B", "C"];
const A = 0;
const C = 2;

/** Errors of one grading, evenly towards the two other grades, from how often two gradings differ. */
export function errorOf(flips: number): number {
  return (2 - Math.sqrt(4 - 6 * flips)) / 3;
}

/** Shares of verdicts over `trials` draws. */
export function simulateJudge(
  scenario: JudgedScenario,
  trials: number,
  thresholds: EvaluationThresholds,
  random: Random,
): Rates {
  const counted: Record<Verdict, number> = { passed: 0, failed: 0, inconclusive: 0 };
  const draw = sampler(scenario, random);
  for (let trial = 0; trial < trials; trial++) {
    counted[judgeEvaluationCounts(drawCounts(scenario, draw, random), thresholds).verdict]++;
  }
  return {
    passed: counted.passed / trials,
    failed: counted.failed / trials,
    inconclusive: counted.inconclusive / trials,
  };
}

/** One draw as the samples that a gate is given: the same draws as the simulation's for the same source. */
export function drawSamples(scenario: JudgedScenario, random: Random): GradedSample[] {
  const { samplesPerDocument, negatives, refusal } = scenario;
  const codes = [...sampler(scenario, random)()];
  const refused = binomial(random, negatives, refusal);
  return codes.map((code, position) => ({
    id: `${position}`,
    document: `${Math.floor(position / samplesPerDocument)}`,
    negative: position < negatives,
    refused: position < refused,
    candidate: grades[Math.floor(code / 9)] ?? null,
    live: grades[Math.floor(code / 3) % 3] ?? null,
    again: grades[code % 3] ?? null,
  }));
}

/** Draws the grades of all samples: a sample's of candidate, live and live again are one number, in base 3. */
export type Sampler = () => Uint8Array;

/** One table a document's pair of true grades, so that a sample takes one draw. The array is used again. */
export function sampler(
  { documents, samplesPerDocument, pairs, clustering, flips }: JudgedScenario,
  random: Random,
): Sampler {
  const graded = pairs.map((pair) => gradings(pair, errorOf(flips)));
  const byItself = outcomes.map((_, code) =>
    pairs.reduce((sum, { probability }, index) => sum + probability * (graded[index]?.[code] ?? 0), 0),
  );
  const tables = graded.map((ofDocument) =>
    aliasTable(
      ofDocument.map(
        (probability, code) => clustering * probability + (1 - clustering) * (byItself[code] ?? 0),
      ),
    ),
  );
  const truth = aliasTable(pairs.map(({ probability }) => probability));
  const codes = new Uint8Array(documents * samplesPerDocument);
  return () => {
    for (let first = 0; first < codes.length; first += samplesPerDocument) {
      const table = tables[drawFrom(truth, random)] ?? truth;
      for (let sample = 0; sample < samplesPerDocument; sample++) {
        codes[first + sample] = drawFrom(table, random);
      }
    }
    return codes;
  };
}

/** Probability of each of the 27 gradings of a sample whose true grades are known. */
function gradings({ candidate, live }: TruePair, error: number): number[] {
  const given = (grade: number, truth: Grade): number => (grades[grade] === truth ? 1 - error : error / 2);
  return outcomes.map(
    (outcome) => given(outcome.candidate, candidate) * given(outcome.live, live) * given(outcome.again, live),
  );
}

/** What `countGrades` finds in such samples, without making them: the simulation draws millions. */
export function drawCounts(scenario: JudgedScenario, draw: Sampler, random: Random): EvaluationCounts {
  const { documents, samplesPerDocument, negatives } = scenario;
  const n = documents * samplesPerDocument;
  const counts = new Uint32Array(27);
  const sumsA = new Int32Array(documents);
  const sumsC = new Int32Array(documents);
  const codes = draw();
  for (let position = 0; position < n; position++) {
    const code = codes[position] ?? 0;
    counts[code] = (counts[code] ?? 0) + 1;
    // Three times A, which is what most samples get, changes no sum.
    if (code === 0) continue;
    const document = Math.floor(position / samplesPerDocument);
    sumsA[document] = (sumsA[document] ?? 0) + (favourA[code] ?? 0);
    sumsC[document] = (sumsC[document] ?? 0) + (favourC[code] ?? 0);
  }
  const total = (wanted: (outcome: Outcome) => boolean): number =>
    outcomes.reduce((sum, outcome, code) => sum + (wanted(outcome) ? (counts[code] ?? 0) : 0), 0);
  const sizes = new Uint32Array(documents).fill(samplesPerDocument);
  const pairs = (grade: "a" | "c", sums: Int32Array) => {
    const firstOnly = total((outcome) => outcome[grade] > 0);
    const secondOnly = total((outcome) => outcome[grade] < 0);
    return {
      n,
      firstOnly,
      secondOnly,
      documents,
      designEffect: designEffect(sums, sizes, firstOnly + secondOnly),
    };
  };
  return {
    n,
    a: total(({ candidate }) => candidate === A),
    c: total(({ candidate }) => candidate === C),
    ungraded: 0,
    negatives,
    refused: binomial(random, negatives, scenario.refusal),
    calibration: {
      n,
      flips: total(({ live, again }) => live !== again),
      flipsA: total(({ live, again }) => (live === A) !== (again === A)),
      flipsC: total(({ live, again }) => (live === C) !== (again === C)),
    },
    compared: { a: pairs("a", sumsA), c: pairs("c", sumsC) },
  };
}

interface Outcome {
  readonly candidate: number;
  readonly live: number;
  readonly again: number;
  /** In the candidate's favour. */
  readonly a: number;
  readonly c: number;
}

const outcomes: readonly Outcome[] = Array.from({ length: 27 }, (_, code) => {
  const [candidate, live, again] = [Math.floor(code / 9), Math.floor(code / 3) % 3, code % 3];
  return {
    candidate,
    live,
    again,
    a: Number(candidate === A) - Number(live === A),
    c: Number(live === C) - Number(candidate === C),
  };
});

const favourA = Int8Array.from(outcomes, ({ a }) => a);
const favourC = Int8Array.from(outcomes, ({ c }) => c);
