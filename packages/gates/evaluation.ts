import {
  type Calibration,
  type CalibrationCounts,
  type CalibrationThresholds,
  calibrateJudge,
} from "./calibration.ts";
import { type ClusteredPairs, clusteredPairs, clusteredTangoInterval } from "./clusters.ts";
import { percent, points } from "./format.ts";
import type { EvaluationMeasurement, Grade, GradedSample } from "./languageMeasurements.ts";
import { type Interval, wilsonInterval } from "./proportions.ts";
import { type Check, type Decision, overall, type Verdict, verdictAgainst } from "./verdict.ts";

export interface EvaluationThresholds extends CalibrationThresholds {
  /** Least share of answers graded A, as graded. */
  readonly minimumA: number;
  /** Largest share of answers graded C, as graded. */
  readonly maximumC: number;
  /** Least share of refusals among the negatives. */
  readonly minimumRefusal: number;
  readonly minimumNegatives: number;
  /** Fewest questions that have an answer: on others alone, a model that refuses whatever it is asked is perfect. */
  readonly minimumAnswerable: number;
  /** Fewest documents from which a spread is believed. */
  readonly minimumDocuments: number;
  /** Largest share of samples for which the judge gave no grade. */
  readonly maximumUngraded: number;
}

export const evaluationThresholds: EvaluationThresholds = {
  minimumA: 0.7,
  maximumC: 0.1,
  minimumRefusal: 0.9,
  marginA: 0.04,
  marginC: 0.03,
  confidence: 0.95,
  power: 0.8,
  minimumNegatives: 50,
  minimumAnswerable: 50,
  minimumDocuments: 30,
  maximumUngraded: 0.01,
};

/** The first model of a pair is the candidate, and it is better where live alone is graded C. */
export interface GradeComparison {
  readonly a: ClusteredPairs;
  readonly c: ClusteredPairs;
}

export interface EvaluationCounts {
  readonly n: number;
  /** Candidate's answers graded A. */
  readonly a: number;
  /** Candidate's answers graded C. */
  readonly c: number;
  /** Samples that lack a grade. */
  readonly ungraded: number;
  readonly negatives: number;
  /** Negatives that the candidate refused. */
  readonly refused: number;
  readonly calibration: CalibrationCounts;
  /** Absent if nothing is live. */
  readonly compared?: GradeComparison | undefined;
}

/** Are the candidate's answers good enough, and not worse than those of live by more than the margins? */
export function judgeEvaluation(
  { samples, live }: Pick<EvaluationMeasurement, "samples" | "live">,
  thresholds: EvaluationThresholds = evaluationThresholds,
): Decision {
  return judgeEvaluationCounts(countGrades(samples, live !== undefined), thresholds);
}

/** Counts from grades. A grade that is missing speaks against the candidate: its own is taken for C, live's for A. */
export function countGrades(samples: readonly GradedSample[], hasLive: boolean): EvaluationCounts {
  const is = (given: Grade | null, wanted: Grade, missing: Grade): number =>
    Number((given ?? missing) === wanted);
  const first = (sample: GradedSample): Grade | null => (hasLive ? sample.live : sample.candidate);
  const twice = samples.filter((sample) => first(sample) !== null && sample.again !== null);
  const differing = (grade?: Grade): number =>
    twice.filter((sample) =>
      grade === undefined
        ? first(sample) !== sample.again
        : (first(sample) === grade) !== (sample.again === grade),
    ).length;
  const negatives = samples.filter(({ negative }) => negative);
  const pairs = (difference: (sample: GradedSample) => number): ClusteredPairs =>
    clusteredPairs(samples.map((sample) => ({ document: sample.document, difference: difference(sample) })));
  return {
    n: samples.length,
    a: samples.filter(({ candidate }) => candidate === "A").length,
    c: samples.filter(({ candidate }) => is(candidate, "C", "C") === 1).length,
    ungraded: samples.filter(
      (sample) => sample.candidate === null || first(sample) === null || sample.again === null,
    ).length,
    negatives: negatives.length,
    refused: negatives.filter(({ refused }) => refused).length,
    calibration: { n: twice.length, flips: differing(), flipsA: differing("A"), flipsC: differing("C") },
    ...(hasLive
      ? {
          compared: {
            a: pairs(({ candidate, live }) => is(candidate, "A", "C") - is(live, "A", "A")),
            c: pairs(({ candidate, live }) => is(live, "C", "A") - is(candidate, "C", "C")),
          },
        }
      : {}),
  };
}

/** The same from counts. */
export function judgeEvaluationCounts(counts: EvaluationCounts, thresholds: EvaluationThresholds): Decision {
  const { n, negatives, refused, compared } = counts;
  const { confidence, marginA, marginC } = thresholds;
  const calibration = calibrateJudge(counts.calibration, n, thresholds);
  const graded = gradedCheck(counts, thresholds);
  const a = wilsonInterval(counts.a, n, confidence);
  const c = wilsonInterval(counts.c, n, confidence);
  const differenceA = compared && clusteredTangoInterval(compared.a, confidence);
  const differenceC = compared && clusteredTangoInterval(compared.c, confidence);
  const { shrinkage } = calibration;
  const judged: Check[] = [
    shareCheck("A", a, a.estimate >= thresholds.minimumA, `at least ${percent(thresholds.minimumA)}`),
    shareCheck("C", c, c.estimate <= thresholds.maximumC, `at most ${percent(thresholds.maximumC)}`),
  ];
  if (compared !== undefined && differenceA !== undefined && differenceC !== undefined) {
    const check = (name: string, difference: Interval, margin: number, pairs: ClusteredPairs) =>
      comparisonCheck(name, difference, -margin * shrinkage, pairs, thresholds);
    judged.push(check("A against live", differenceA, marginA, compared.a));
    judged.push(check("C against live", differenceC, marginC, compared.c));
  }
  const trusted = [graded, calibration.check].every(({ verdict }) => verdict === "passed");
  const checks: Check[] = [
    graded,
    calibration.check,
    // What a judge says that is too noisy, or mostly silent, is no reason to fail a model either.
    ...(trusted ? judged : judged.map((check): Check => ({ ...check, verdict: "inconclusive" }))),
    refusalCheck(counts, thresholds),
    answerableCheck(counts, thresholds),
  ];
  return {
    verdict: overall(checks),
    checks,
    numbers: {
      n,
      ungraded: counts.ungraded,
      rateA: a.estimate,
      rateC: c.estimate,
      negatives,
      refusal: negatives === 0 ? null : refused / negatives,
      ...calibrationNumbers(calibration),
      ...differenceNumbers("A", differenceA, compared?.a),
      ...differenceNumbers("C", differenceC, compared?.c),
    },
    thresholds: { ...thresholds },
  };
}

function gradedCheck({ ungraded, n }: EvaluationCounts, { maximumUngraded }: EvaluationThresholds): Check {
  return {
    name: "graded",
    verdict: ungraded <= maximumUngraded * n ? "passed" : "inconclusive",
    because: `${ungraded} of ${n} samples lack a grade, at most ${percent(maximumUngraded)} wanted`,
  };
}

function shareCheck(
  name: string,
  { estimate, lower, upper }: Interval,
  holds: boolean,
  wanted: string,
): Check {
  return {
    name,
    verdict: holds ? "passed" : "failed",
    because: `${percent(estimate)} (${percent(lower)} to ${percent(upper)}) of the answers are graded ${name}, ${wanted} wanted`,
  };
}

/** @param margin Of what the judge shows: the true margin times the shrinkage. Below zero. */
function comparisonCheck(
  name: string,
  difference: Interval,
  margin: number,
  { documents, firstOnly, secondOnly, designEffect }: ClusteredPairs,
  { minimumDocuments }: EvaluationThresholds,
): Check {
  const { estimate, lower, upper } = difference;
  const enough = documents >= minimumDocuments;
  return {
    name,
    verdict: enough ? verdictAgainst(difference, margin) : "inconclusive",
    because: enough
      ? `${points(estimate)} points in the candidate's favour (${points(lower)} to ${points(upper)}), more than ` +
        `${points(margin)} wanted: better on ${firstOnly} samples, worse on ${secondOnly}; design effect ` +
        `${designEffect.toFixed(2)} of ${documents} documents`
      : `${documents} documents do not show their spread, at least ${minimumDocuments} wanted`,
  };
}

function refusalCheck(
  { negatives, refused }: EvaluationCounts,
  { minimumRefusal, minimumNegatives }: EvaluationThresholds,
): Check {
  const enough = negatives >= minimumNegatives;
  const verdict: Verdict = !enough
    ? "inconclusive"
    : refused >= minimumRefusal * negatives
      ? "passed"
      : "failed";
  return {
    name: "refusal",
    verdict,
    because: enough
      ? `${refused} of ${negatives} questions without an answer are refused, at least ${percent(minimumRefusal)} wanted`
      : `${negatives} questions without an answer, at least ${minimumNegatives} wanted`,
  };
}

function answerableCheck(
  { n, negatives }: EvaluationCounts,
  { minimumAnswerable }: EvaluationThresholds,
): Check {
  const answerable = n - negatives;
  return {
    name: "answerable",
    verdict: answerable >= minimumAnswerable ? "passed" : "inconclusive",
    because: `${answerable} questions with an answer, at least ${minimumAnswerable} wanted`,
  };
}

function calibrationNumbers({
  flips,
  shrinkage,
  detectableA,
  detectableC,
}: Calibration): Decision["numbers"] {
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    judgeFlips: finite(flips),
    shrinkage,
    detectableA: finite(detectableA),
    detectableC: finite(detectableC),
  };
}

function differenceNumbers(
  grade: Grade,
  difference: Interval | undefined,
  pairs: ClusteredPairs | undefined,
): Decision["numbers"] {
  if (difference === undefined || pairs === undefined) return {};
  return {
    documents: pairs.documents,
    [`difference${grade}`]: difference.estimate,
    [`difference${grade}Lower`]: difference.lower,
    [`difference${grade}Upper`]: difference.upper,
    [`designEffect${grade}`]: pairs.designEffect,
  };
}
