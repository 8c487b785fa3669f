/** Paired answers that come in clusters: several questions about one document. */
import { type Interval, type PairedCounts, tangoInterval } from "./proportions.ts";

/** Answers of two models to the same n items of some documents. */
export interface ClusteredPairs extends PairedCounts {
  readonly documents: number;
  /** How many times larger the variance is than with independent items: at least 1. */
  readonly designEffect: number;
}

/** One item's difference, first model minus second: -1, 0 or 1. */
export interface PairedItem {
  readonly document: string;
  readonly difference: number;
}

/** Counts of paired items, and what their documents do to the variance. */
export function clusteredPairs(items: readonly PairedItem[]): ClusteredPairs {
  const documents = new Map<string, { sum: number; count: number }>();
  let firstOnly = 0;
  let secondOnly = 0;
  for (const { document, difference } of items) {
    const total = documents.get(document) ?? { sum: 0, count: 0 };
    documents.set(document, { sum: total.sum + difference, count: total.count + 1 });
    if (difference > 0) firstOnly++;
    if (difference < 0) secondOnly++;
  }
  const totals = [...documents.values()];
  return {
    n: items.length,
    firstOnly,
    secondOnly,
    documents: totals.length,
    designEffect: designEffect(
      totals.map(({ sum }) => sum),
      totals.map(({ count }) => count),
      firstOnly + secondOnly,
    ),
  };
}

/**
 * Variance of a mean with whole clusters drawn, by its variance with independent items (Kish). Never below 1: an
 * estimate falls below by chance, and that must not make a gate surer than independent items would.
 *
 * @param sums Of each cluster's values.
 * @param counts Of each cluster's items.
 * @param squares Sum of all squared values.
 */
export function designEffect(sums: ArrayLike<number>, counts: ArrayLike<number>, squares: number): number {
  const clusters = sums.length;
  let total = 0;
  let n = 0;
  for (let cluster = 0; cluster < clusters; cluster++) {
    total += sums[cluster] ?? 0;
    n += counts[cluster] ?? 0;
  }
  const mean = total / n;
  const independent = squares - n * mean * mean;
  if (clusters < 2 || independent <= 1e-9) return 1;
  let between = 0;
  for (let cluster = 0; cluster < clusters; cluster++) {
    between += ((sums[cluster] ?? 0) - (counts[cluster] ?? 0) * mean) ** 2;
  }
  return Math.max(1, ((clusters / (clusters - 1)) * between) / independent);
}

/**
 * Tango's interval from the number of independent items that the clustered ones are worth (Rao and Scott's
 * correction), each bound at one-sided `confidence`.
 *
 * @throws RangeError if the counts cannot be.
 */
export function clusteredTangoInterval(
  { n, firstOnly, secondOnly, designEffect }: ClusteredPairs,
  confidence: number,
): Interval {
  return tangoInterval(
    { n: n / designEffect, firstOnly: firstOnly / designEffect, secondOnly: secondOnly / designEffect },
    confidence,
  );
}
