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

/** What the items of one cluster add up to. */
export interface ClusterTotal {
  readonly sum: number;
  /** Number of items, or their weight. */
  readonly weight: number;
}

/**
 * Percentile bootstrap of a mean whose items come in clusters (questions about one document).
 *
 * @param clusters Values of each cluster's items, e.g. differences of candidate and live.
 * @throws RangeError as `clusteredRatioBootstrap`.
 */
export function clusteredBootstrap(
  clusters: readonly (readonly number[])[],
  options: BootstrapOptions,
): Interval {
  const totals = clusters.map((items) => ({
    sum: items.reduce((total, value) => total + value, 0),
    weight: items.length,
  }));
  return clusteredRatioBootstrap(totals, options);
}

/**
 * Percentile bootstrap of a weighted mean, sum by weight: whole clusters are drawn, because items of one cluster are
 * not independent. Seeded: the same data gives the same interval.
 *
 * @throws RangeError with fewer than two clusters that hold items: then nothing is known about the spread.
 */
export function clusteredRatioBootstrap(
  clusters: readonly ClusterTotal[],
  { confidence, resamples = 10_000, seed = 1 }: BootstrapOptions,
): Interval {
  const filled = clusters.filter(({ weight }) => weight > 0);
  if (filled.length < 2) throw new RangeError(`${filled.length} clusters say nothing about their spread`);
  const random = seededRandom(seed);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    let weight = 0;
    for (let draw = 0; draw < filled.length; draw++) {
      const cluster = filled[Math.floor(random() * filled.length)];
      sum += cluster?.sum ?? 0;
      weight += cluster?.weight ?? 0;
    }
    return sum / weight;
  }).sort((a, b) => a - b);
  const at = (share: number): number =>
    means[Math.min(resamples - 1, Math.floor(share * resamples))] ?? Number.NaN;
  const total = filled.reduce((sum, cluster) => sum + cluster.sum, 0);
  const weight = filled.reduce((sum, cluster) => sum + cluster.weight, 0);
  return { estimate: total / weight, lower: at(1 - confidence), upper: at(confidence) };
}
