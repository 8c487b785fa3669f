import type { ParityMeasurement } from "./measurements.ts";
import { type Check, type Decision, overall } from "./verdict.ts";

export interface ParityThresholds {
  /** Largest absolute difference of a probability. */
  readonly maximumDifference: number;
  /** Fewest held-out rows that must have been compared. */
  readonly minimumRows: number;
}

export const parityThresholds: ParityThresholds = { maximumDifference: 1e-5, minimumRows: 100 };

/** Gate 2: does the exported model answer as the trained one? A value that is not finite fails. */
export function judgeParity(
  { samples, maximumProbabilityDifference, maximumLogitDifference, topAgreement }: ParityMeasurement,
  { maximumDifference, minimumRows }: ParityThresholds = parityThresholds,
): Decision {
  // JSON has no NaN, but whoever calls this may: it fails every comparison. A logit that is not finite can hide behind a
  // probability of 0.
  const finite = Number.isFinite(maximumLogitDifference ?? Number.NaN);
  const difference = finite ? (maximumProbabilityDifference ?? Number.NaN) : Number.NaN;
  const checks: Check[] = [
    {
      name: "rows",
      verdict: samples >= minimumRows ? "passed" : "inconclusive",
      because: `${samples} held-out rows, at least ${minimumRows} wanted`,
    },
    {
      name: "difference",
      verdict: difference <= maximumDifference ? "passed" : "failed",
      because: Number.isFinite(difference)
        ? `largest absolute difference of a probability ${difference.toExponential(2)}, at most ${maximumDifference.toExponential(0)} wanted`
        : `a ${finite ? "probability" : "logit"} is not finite: the exported model, or the trained one, answers no numbers`,
    },
    {
      name: "top-1",
      verdict: topAgreement === 1 ? "passed" : "failed",
      because: `${Math.round(topAgreement * samples)} of ${samples} rows have the same first answer, all wanted`,
    },
  ];
  return {
    verdict: overall(checks),
    checks,
    numbers: {
      rows: samples,
      maximumDifference: Number.isFinite(difference) ? difference : null,
      topAgreement,
      maximumLogitDifference,
    },
    thresholds: { maximumDifference, minimumRows },
  };
}
