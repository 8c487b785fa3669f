import { type EvaluationThresholds, evaluationThresholds } from "@mlops/gates";
import { number } from "./flags.ts";

/** The margins that the judge's noise is held against; the gate has further limits. */
export const marginFlags = {
  "margin-a": number("largest true loss of A-rate, as a share", evaluationThresholds.marginA, 0.001, 1),
  "margin-c": number("largest true gain of C-rate, as a share", evaluationThresholds.marginC, 0.001, 1),
} as const;

export function withMargins(flags: {
  readonly "margin-a": number;
  readonly "margin-c": number;
}): EvaluationThresholds {
  return { ...evaluationThresholds, marginA: flags["margin-a"], marginC: flags["margin-c"] };
}
