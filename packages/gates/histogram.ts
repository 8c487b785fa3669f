/** Quantiles of values of which only a histogram is known. */
import { lowerRank, upperRank } from "./binomial.ts";
import type { Interval } from "./proportions.ts";

/** Counts of values up to each bound and above the one before it; the last count is of those above all bounds. */
export interface Histogram {
  /** Rising. */
  readonly bounds: readonly number[];
  /** One more than bounds, or none where nothing was counted. */
  readonly counts: readonly number[];
}

/** A quantile, by linear interpolation within its bucket; null without values. */
export function quantileOf(histogram: Histogram, share: number): number | null {
  const n = total(histogram);
  return n === 0 ? null : valueAt(histogram, share * n, histogram.bounds.at(-1) ?? 0);
}

/**
 * The quantile between two order statistics, each bound at one-sided `confidence`, for independent values of any
 * distribution; within a bucket they are interpolated. Bounds that so few values do not have are 0 and infinity, and so
 * is an upper one above the last bound.
 */
export function quantileInterval(histogram: Histogram, share: number, confidence: number): Interval | null {
  const estimate = quantileOf(histogram, share);
  if (estimate === null) return null;
  const n = total(histogram);
  const { lower, upper } = ranks(n, share, confidence);
  return {
    estimate,
    lower: lower === 0 ? 0 : valueAt(histogram, lower, histogram.bounds.at(-1) ?? 0),
    upper: upper > n ? Number.POSITIVE_INFINITY : valueAt(histogram, upper, Number.POSITIVE_INFINITY),
  };
}

function total({ counts }: Histogram): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

interface Ranks {
  readonly lower: number;
  readonly upper: number;
}

/** By confidence, share and n. */
const known = new Map<number, Map<number, Map<number, Ranks>>>();

/** What was asked before is remembered: simulations ask for the same numbers all the time. */
function ranks(n: number, share: number, confidence: number): Ranks {
  const ofConfidence = known.get(confidence) ?? new Map<number, Map<number, Ranks>>();
  known.set(confidence, ofConfidence);
  const ofShare = ofConfidence.get(share) ?? new Map<number, Ranks>();
  ofConfidence.set(share, ofShare);
  const found = ofShare.get(n) ?? {
    lower: lowerRank(n, share, confidence),
    upper: upperRank(n, share, confidence),
  };
  ofShare.set(n, found);
  return found;
}

/** @param beyond Stands for a value above all bounds, of which nothing else is known. */
function valueAt({ bounds, counts }: Histogram, rank: number, beyond: number): number {
  let below = 0;
  // Simulations come here millions of times.
  for (let index = 0; index < bounds.length; index++) {
    const count = counts[index] ?? 0;
    if (count > 0 && below + count >= rank) {
      const lower = bounds[index - 1] ?? 0;
      return lower + (((bounds[index] ?? 0) - lower) * (rank - below)) / count;
    }
    below += count;
  }
  return beyond;
}
