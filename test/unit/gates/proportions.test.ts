import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalDistribution, normalQuantile } from "../../../packages/gates/normal.ts";
import {
  type PairedCounts,
  pairedCounts,
  restrictedSecondOnly,
  tangoInterval,
  tangoStatistic,
  wilsonInterval,
} from "../../../packages/gates/proportions.ts";

const counts = fc.tuple(fc.nat(200), fc.nat(200), fc.integer({ min: 1, max: 400 })).map(
  ([firstOnly, secondOnly, rest]): PairedCounts => ({
    firstOnly,
    secondOnly,
    n: firstOnly + secondOnly + rest,
  }),
);

describe("normal distribution", () => {
  it("has its well-known quantiles", () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 10);
    expect(normalQuantile(0.95)).toBeCloseTo(1.6448536269514722, 10);
    expect(normalQuantile(0.0001)).toBeCloseTo(-3.719016485455709, 9);
  });

  it("is the same from both sides where the two expansions meet", () => {
    expect(normalDistribution(3 - 1e-9)).toBeCloseTo(normalDistribution(3 + 1e-9), 9);
    expect(normalDistribution(-1)).toBeCloseTo(1 - normalDistribution(1), 15);
  });
});

describe("wilsonInterval", () => {
  it("gives the figures of Wilson's formula in Newcombe (1998): 81 of 263 is 0.2553 to 0.3662", () => {
    const { lower, upper } = wilsonInterval(81, 263, 0.975);
    expect(lower).toBeCloseTo(0.2553, 4);
    expect(upper).toBeCloseTo(0.3662, 4);
  });

  it("ends at 0 and 1", () => {
    expect(wilsonInterval(0, 10, 0.95).lower).toBeGreaterThanOrEqual(0);
    expect(wilsonInterval(10, 10, 0.95).upper).toBeCloseTo(1, 12);
  });

  it("refuses counts that cannot be", () => {
    expect(() => wilsonInterval(11, 10, 0.95)).toThrow(RangeError);
    expect(() => wilsonInterval(0, 0, 0.95)).toThrow(RangeError);
  });
});

describe("pairedCounts", () => {
  it("counts what only one of the two has right", () => {
    expect(pairedCounts([1, 1, 0, 0, 1], [1, 0, 1, 0, 0])).toEqual({ n: 5, firstOnly: 2, secondOnly: 1 });
  });

  it("refuses answers to different items", () => {
    expect(() => pairedCounts([1], [1, 0])).toThrow("not to the same items");
  });
});

describe("tangoInterval", () => {
  it("has bounds where the score statistic is the quantile", () => {
    fc.assert(
      fc.property(counts, (pair) => {
        const { lower, upper } = tangoInterval(pair, 0.95);
        const z = normalQuantile(0.95);
        if (lower > -1 + 1e-6) expect(tangoStatistic(pair, lower)).toBeCloseTo(z, 3);
        if (upper < 1 - 1e-6) expect(tangoStatistic(pair, upper)).toBeCloseTo(-z, 3);
      }),
    );
  });

  it("holds the estimate, and turns over with the models", () => {
    fc.assert(
      fc.property(counts, (pair) => {
        const { estimate, lower, upper } = tangoInterval(pair, 0.95);
        expect(lower).toBeLessThan(estimate);
        expect(upper).toBeGreaterThan(estimate);
        const turned = tangoInterval(
          { ...pair, firstOnly: pair.secondOnly, secondOnly: pair.firstOnly },
          0.95,
        );
        expect(turned.lower).toBeCloseTo(-upper, 9);
        expect(turned.upper).toBeCloseTo(-lower, 9);
      }),
    );
  });

  it("maximises the likelihood under the hypothesis", () => {
    fc.assert(
      fc.property(counts, fc.double({ min: -0.9, max: 0.9, noNaN: true }), (pair, difference) => {
        const found = restrictedSecondOnly(pair, difference);
        const best = likelihood(pair, difference, found);
        for (const step of [-1e-4, 1e-4]) {
          const other = likelihood(pair, difference, found + step);
          if (!Number.isNaN(other)) expect(best).toBeGreaterThanOrEqual(other - 1e-9);
        }
      }),
    );
  });

  it("covers the true difference in at least 93 % of samples at a nominal 95 %, also where few answers differ", async () => {
    const { binomial, seededRandom } = await import("../../../packages/gates/random.ts");
    const random = seededRandom(7);
    for (const [n, first, second] of [
      [100, 0.02, 0.01],
      [360, 0.03, 0.01],
      [1000, 0.15, 0.12],
    ] as const) {
      let covered = 0;
      for (let trial = 0; trial < 4000; trial++) {
        const firstOnly = binomial(random, n, first);
        const secondOnly = binomial(random, n - firstOnly, second / (1 - first));
        const { lower, upper } = tangoInterval({ n, firstOnly, secondOnly }, 0.975);
        if (lower <= first - second && first - second <= upper) covered++;
      }
      expect(covered / 4000).toBeGreaterThan(0.93);
      expect(covered / 4000).toBeLessThan(0.985);
    }
  });
});

/** Log-likelihood of the counts, NaN where a probability is negative. */
function likelihood({ n, firstOnly, secondOnly }: PairedCounts, difference: number, second: number): number {
  // A probability that is zero comes out a rounding error below it.
  const rounded = (probability: number): number => (Math.abs(probability) < 1e-12 ? 0 : probability);
  const first = rounded(second + difference);
  const same = rounded(1 - first - second);
  if (first < 0 || second < 0 || same < 0) return Number.NaN;
  const part = (count: number, probability: number): number =>
    count === 0 ? 0 : count * Math.log(probability);
  return part(firstOnly, first) + part(secondOnly, second) + part(n - firstOnly - secondOnly, same);
}
