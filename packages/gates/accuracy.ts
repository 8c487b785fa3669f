import { percent, points } from "./format.ts";
import type { AccuracyMeasurement } from "./measurements.ts";
import {
  type Interval,
  type PairedCounts,
  pairedCounts,
  tangoInterval,
  wilsonInterval,
} from "./proportions.ts";
import { type Check, type Decision, overall, verdictAgainst } from "./verdict.ts";

export interface AccuracyThresholds {
  /** Least held-out accuracy. */
  readonly minimumAccuracy: number;
  /** The candidate must be better than live by more than this, as a difference of accuracies. */
  readonly margin: number;
  /** One-sided confidence of each bound. */
  readonly confidence: number;
}

export const accuracyThresholds: AccuracyThresholds = {
  minimumAccuracy: 0.9,
  margin: 0,
  confidence: 0.95,
};

/** Right answers of the candidate and, unless it is the first model, its comparison with live. */
export interface AccuracyCounts {
  readonly n: number;
  readonly correct: number;
  /** First: candidate; second: live. */
  readonly paired?: PairedCounts | undefined;
}

/** Gate 1: is the candidate good enough, and better than the model that is live? */
export function judgeAccuracy(
  measurement: AccuracyMeasurement,
  thresholds: AccuracyThresholds = accuracyThresholds,
): Decision {
  const { candidate, live } = measurement;
  const n = candidate.correct.length;
  const correct = candidate.correct.filter((right) => right === 1).length;
  const paired = live === undefined ? undefined : pairedCounts(candidate.correct, live.correct);
  return judgeAccuracyCounts({ n, correct, paired }, thresholds);
}

/** The same from counts. */
export function judgeAccuracyCounts(
  { n, correct, paired }: AccuracyCounts,
  thresholds: AccuracyThresholds,
): Decision {
  const { minimumAccuracy, margin, confidence } = thresholds;
  const accuracy = wilsonInterval(correct, n, confidence);
  const difference = paired === undefined ? undefined : tangoInterval(paired, confidence);
  const checks: Check[] = [floorCheck(accuracy, minimumAccuracy, n)];
  if (paired !== undefined && difference !== undefined) {
    checks.push(differenceCheck("better than live", difference, margin, paired));
  }
  return {
    verdict: overall(checks),
    checks,
    numbers: {
      n,
      accuracy: accuracy.estimate,
      accuracyLower: accuracy.lower,
      accuracyUpper: accuracy.upper,
      ...(paired === undefined || difference === undefined
        ? {}
        : {
            candidateOnly: paired.firstOnly,
            liveOnly: paired.secondOnly,
            difference: difference.estimate,
            differenceLower: difference.lower,
            differenceUpper: difference.upper,
          }),
    },
    thresholds: { minimumAccuracy, margin, confidence },
  };
}

function floorCheck({ estimate, lower, upper }: Interval, minimum: number, n: number): Check {
  return {
    name: "accuracy",
    verdict: estimate >= minimum ? "passed" : "failed",
    because: `accuracy ${percent(estimate)} (${percent(lower)} to ${percent(upper)}) on ${n} held-out rows, at least ${percent(minimum)} wanted`,
  };
}

function differenceCheck(
  name: string,
  difference: Interval,
  margin: number,
  { firstOnly, secondOnly, n }: PairedCounts,
): Check {
  const { estimate, lower, upper } = difference;
  return {
    name,
    verdict: verdictAgainst(difference, margin),
    because:
      `difference ${points(estimate)} points (${points(lower)} to ${points(upper)}), margin ${points(margin)}; ` +
      `of ${n} rows ${firstOnly} are right by the candidate alone and ${secondOnly} by live alone`,
  };
}
