import type { Interval } from "./proportions.ts";
import { seededRandom } from "./random.ts";

export interface BootstrapOptions {
  /** One-sided confidence of each bound. */
  readonly confidence: number;
  /** @default 10000 */
  readonly resamples?: number;
  /** @default 1 */
  readonly seed?: number;
}

/**
 * Percentile bootstrap of a mean whose items come in clusters (questions about one document): whole clusters are
 * drawn, because items of one cluster are not independent. Seeded: the same data gives the same interval.
 *
 * @param clusters Values of each cluster's items, e.g. differences of candidate and live.
 * @throws RangeError with fewer than two clusters that hold items: then nothing is known about the spread.
 */
export function clusteredBootstrap(
  clusters: readonly (readonly number[])[],
  { confidence, resamples = 10_000, seed = 1 }: BootstrapOptions,
): Interval {
  const sums = clusters
    .filter((items) => items.length > 0)
    .map((items) => ({ sum: items.reduce((total, value) => total + value, 0), count: items.length }));
  if (sums.length < 2) throw new RangeError(`${sums.length} clusters say nothing about their spread`);
  const random = seededRandom(seed);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    let count = 0;
    for (let draw = 0; draw < sums.length; draw++) {
      const cluster = sums[Math.floor(random() * sums.length)];
      sum += cluster?.sum ?? 0;
      count += cluster?.count ?? 0;
    }
    return sum / count;
  }).sort((a, b) => a - b);
  const at = (share: number): number =>
    means[Math.min(resamples - 1, Math.floor(share * resamples))] ?? Number.NaN;
  const total = sums.reduce((sum, cluster) => sum + cluster.sum, 0);
  const items = sums.reduce((sum, cluster) => sum + cluster.count, 0);
  return { estimate: total / items, lower: at(1 - confidence), upper: at(confidence) };
}
