/** What every gate answers. */
import type { Interval } from "./proportions.ts";

export type Verdict = "passed" | "failed" | "inconclusive";

/** One condition of a gate: what was estimated, and against which limit. */
export interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  /** One sentence with the numbers. */
  readonly because: string;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  /** What was estimated, by name; null where it is not finite. */
  readonly numbers: Readonly<Record<string, number | null>>;
  /** The limits that applied, by name. */
  readonly thresholds: Readonly<Record<string, number>>;
}

/** Failed if one check failed, else inconclusive if one is, else passed. No checks pass nothing. */
export function overall(checks: readonly Check[]): Verdict {
  if (checks.some(({ verdict }) => verdict === "failed")) return "failed";
  if (checks.length === 0 || checks.some(({ verdict }) => verdict === "inconclusive")) return "inconclusive";
  return "passed";
}

/**
 * Is a difference above `margin`? Passed if the whole interval is, failed if none of it is, inconclusive if the
 * margin lies within. A negative margin makes it a test of non-inferiority.
 */
export function verdictAgainst({ lower, upper }: Interval, margin: number): Verdict {
  if (lower > margin) return "passed";
  return upper <= margin ? "failed" : "inconclusive";
}
