/** How noisy a judge is: it grades the same answers twice. */
import { percent } from "./format.ts";
import { normalQuantile } from "./normal.ts";
import { wilsonInterval } from "./proportions.ts";
import type { Check } from "./verdict.ts";

/** Answers that were graded twice, and how many got two different grades. */
export interface CalibrationCounts {
  readonly n: number;
  readonly flips: number;
  /** A in one of the two only. */
  readonly flipsA: number;
  /** C in one of the two only. */
  readonly flipsC: number;
}

export interface CalibrationThresholds {
  /** Largest true loss of A-rate that is accepted, as a difference of shares. */
  readonly marginA: number;
  /** Largest true gain of C-rate that is accepted. */
  readonly marginC: number;
  readonly confidence: number;
  /** Probability with which an equally good candidate shall pass each comparison. */
  readonly power: number;
}

export interface Calibration {
  /** Share of answers with two different grades. */
  readonly flips: number;
  /** A true difference of rates times this is what the judge shows. */
  readonly shrinkage: number;
  /** Smallest true differences that can be told from none; infinite if the judge guesses. */
  readonly detectableA: number;
  readonly detectableC: number;
  readonly check: Check;
}

/**
 * Can this judge decide these margins with `samples` answers? Asked before a candidate is graded: if not, no grade of
 * it means anything.
 *
 * Two gradings that err by e each, evenly towards the two other grades, differ with probability d = 2e - 3e²/2 and
 * show a true difference as (1 - 3e/2) of it, which is the root of 1 - 3d/2. Upper bounds of d are used: the judge is
 * taken to be as noisy as the calibration cannot rule out.
 */
export function calibrateJudge(
  { n, flips, flipsA, flipsC }: CalibrationCounts,
  samples: number,
  { marginA, marginC, confidence, power }: CalibrationThresholds,
): Calibration {
  if (n === 0) {
    return {
      flips: Number.NaN,
      shrinkage: 0,
      detectableA: Number.POSITIVE_INFINITY,
      detectableC: Number.POSITIVE_INFINITY,
      check: { name: "judge", verdict: "inconclusive", because: "no answer was graded twice" },
    };
  }
  const share = wilsonInterval(flips, n, confidence);
  const shrinkage = Math.sqrt(Math.max(0, 1 - 1.5 * share.upper));
  const quantiles = normalQuantile(confidence) + normalQuantile(power);
  // Two gradings of one answer differ as often as those of two equally good models that answer the same.
  const detectable = (count: number): number =>
    (quantiles * Math.sqrt(wilsonInterval(count, n, confidence).upper / samples)) / shrinkage;
  const [detectableA, detectableC] = [detectable(flipsA), detectable(flipsC)];
  return {
    flips: share.estimate,
    shrinkage,
    detectableA,
    detectableC,
    check: {
      name: "judge",
      verdict: detectableA <= marginA && detectableC <= marginC ? "passed" : "inconclusive",
      because:
        `two gradings of the same answer differ for ${percent(share.estimate)} of ${n} answers; ${samples} samples then ` +
        `show differences from ${percent(detectableA)} (A) and ${percent(detectableC)} (C), margins ` +
        `${percent(marginA)} and ${percent(marginC)}`,
    },
  };
}
