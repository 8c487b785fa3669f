/** Exact tails of the binomial distribution, and what follows from them for shares and quantiles. */
import type { Verdict } from "./verdict.ts";

/** P(X >= count) of a binomial X. */
export function binomialAtLeast(count: number, n: number, probability: number): number {
  if (count <= 0) return 1;
  if (count > n) return 0;
  if (count <= n * probability) return 1 - binomialAtLeast(n - count + 1, n, 1 - probability);
  // Beyond the mean terms fall, so that few of them are needed.
  const odds = probability / (1 - probability);
  let term = Math.exp(
    logFactorial(n) -
      logFactorial(count) -
      logFactorial(n - count) +
      count * Math.log(probability) +
      (n - count) * Math.log1p(-probability),
  );
  let sum = 0;
  for (let k = count; k <= n && term > 1e-17 * sum; k++) {
    sum += term;
    term *= (odds * (n - k)) / (k + 1);
  }
  return sum;
}

/** P(X <= count). */
export function binomialAtMost(count: number, n: number, probability: number): number {
  return binomialAtLeast(n - count, n, 1 - probability);
}

/** Product for small numbers, Stirling's series for others: exact to 1e-13 of its size. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let factor = 2; factor <= n; factor++) product *= factor;
    return Math.log(product);
  }
  const series = 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + series;
}

export interface Confidences {
  /** One-sided, to say that a value is above its limit. */
  readonly above: number;
  /** One-sided, to say that it is not. */
  readonly below: number;
}

/**
 * Is a share above its limit? By the exact binomial test, in each direction: failed if it surely is, passed if it surely
 * is not (the bounds of Clopper and Pearson), else inconclusive.
 */
export function verdictOnShare(
  count: number,
  n: number,
  limit: number,
  { above, below }: Confidences,
): Verdict {
  if (binomialAtLeast(count, n, limit) < 1 - above) return "failed";
  return binomialAtMost(count, n, limit) < 1 - below ? "passed" : "inconclusive";
}

/**
 * Rank of the largest of n ordered values that is at most the quantile with this one-sided confidence, whatever the
 * distribution; 0 if not even the least is.
 */
export function lowerRank(n: number, share: number, confidence: number): number {
  return firstAt(n + 1, (rank) => binomialAtMost(rank, n, share) > 1 - confidence);
}

/** Rank of the least value that is at least the quantile; n + 1 if not even the largest is. */
export function upperRank(n: number, share: number, confidence: number): number {
  return firstAt(n + 1, (rank) => binomialAtLeast(rank, n, share) <= 1 - confidence);
}

/** The least number from 0 to `end` of which it holds, where it holds of all above, and of `end` in any case. */
function firstAt(end: number, holds: (number: number) => boolean): number {
  let [low, high] = [0, end];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
