/** Interval estimates of proportions, and of the difference of two on the same items. */
import { normalQuantile } from "./normal.ts";

export interface Interval {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
}

/** Answers of two models to the same n items. */
export interface PairedCounts {
  readonly n: number;
  /** Right by the first model alone. */
  readonly firstOnly: number;
  /** Right by the second model alone. */
  readonly secondOnly: number;
}

/**
 * Wilson's score interval of a proportion, each bound at one-sided `confidence`.
 *
 * @throws RangeError if the counts cannot be.
 */
export function wilsonInterval(successes: number, n: number, confidence: number): Interval {
  if (!(n > 0 && successes >= 0 && successes <= n)) throw new RangeError(`${successes} of ${n} cannot be`);
  const z = normalQuantile(confidence);
  const estimate = successes / n;
  const centre = (estimate + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z * Math.sqrt((estimate * (1 - estimate)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
  return { estimate, lower: Math.max(0, centre - half), upper: Math.min(1, centre + half) };
}

/** How many of n items have a property. */
export interface Share {
  readonly count: number;
  readonly n: number;
}

/**
 * Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10) of the difference of two independent
 * proportions, first minus second, each bound at one-sided `confidence`.
 *
 * @throws RangeError if the counts cannot be.
 */
export function newcombeInterval(first: Share, second: Share, confidence: number): Interval {
  const [a, b] = [first, second].map(({ count, n }) => wilsonInterval(count, n, confidence)) as [
    Interval,
    Interval,
  ];
  const estimate = a.estimate - b.estimate;
  return {
    estimate,
    lower: estimate - Math.hypot(a.estimate - a.lower, b.upper - b.estimate),
    upper: estimate + Math.hypot(a.upper - a.estimate, b.estimate - b.lower),
  };
}

/** Counts of two answer vectors (1 right, 0 wrong) over the same items in the same order. */
export function pairedCounts(first: readonly number[], second: readonly number[]): PairedCounts {
  if (first.length !== second.length) {
    throw new RangeError(`${first.length} and ${second.length} answers are not to the same items`);
  }
  let firstOnly = 0;
  let secondOnly = 0;
  for (const [index, right] of first.entries()) {
    const other = second[index];
    if (right === 1 && other === 0) firstOnly++;
    if (right === 0 && other === 1) secondOnly++;
  }
  return { n: first.length, firstOnly, secondOnly };
}

/**
 * Tango's score interval (Statistics in Medicine 17, 1998) of the difference of two paired proportions, first
 * minus second, each bound at one-sided `confidence`. It holds its level with few or no discordant answers,
 * where intervals from the normal approximation do not.
 *
 * @throws RangeError if the counts cannot be.
 */
export function tangoInterval(counts: PairedCounts, confidence: number): Interval {
  const { n, firstOnly, secondOnly } = counts;
  if (!(n > 0 && firstOnly >= 0 && secondOnly >= 0 && firstOnly + secondOnly <= n)) {
    throw new RangeError(`${firstOnly} and ${secondOnly} of ${n} cannot be`);
  }
  const z = normalQuantile(confidence);
  const estimate = (firstOnly - secondOnly) / n;
  // The statistic falls from +infinity at -1 to -infinity at 1.
  const solve = (target: number): number => {
    let low = -1;
    let high = 1;
    while (high - low > 1e-12) {
      const middle = (low + high) / 2;
      if (tangoStatistic(counts, middle) > target) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return { estimate, lower: solve(z), upper: solve(-z) };
}

/** Score statistic of the hypothesis that the true difference is `difference`: approximately standard normal. */
export function tangoStatistic({ n, firstOnly, secondOnly }: PairedCounts, difference: number): number {
  const variance =
    n * (2 * restrictedSecondOnly({ n, firstOnly, secondOnly }, difference) + difference * (1 - difference));
  const distance = firstOnly - secondOnly - n * difference;
  if (variance <= 0) return distance === 0 ? 0 : Math.sign(distance) * Number.POSITIVE_INFINITY;
  return distance / Math.sqrt(variance);
}

/** Maximum-likelihood estimate of P(right by the second alone) where the difference is known. */
export function restrictedSecondOnly({ n, firstOnly, secondOnly }: PairedCounts, difference: number): number {
  const linear = -firstOnly - secondOnly + (2 * n - firstOnly + secondOnly) * difference;
  const constant = -secondOnly * difference * (1 - difference);
  const root = Math.sqrt(Math.max(0, linear * linear - 8 * n * constant));
  // Rounding can take it below what a probability can be.
  return Math.max(0, -difference, (root - linear) / (4 * n));
}
