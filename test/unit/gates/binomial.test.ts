import {
  binomialAtLeast,
  binomialAtMost,
  type Histogram,
  lowerRank,
  newcombeInterval,
  quantileInterval,
  quantileOf,
  seededRandom,
  upperRank,
  verdictOnShare,
} from "@mlops/gates";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const probability = fc.double({ min: 0.001, max: 0.999, noNaN: true });

describe("the binomial distribution", () => {
  it("has the tails that summing its terms gives", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(60), probability, (n, count, p) => {
        let tail = 0;
        let choose = 1;
        for (let k = 0; k <= n; k++) {
          if (k >= count) tail += choose * p ** k * (1 - p) ** (n - k);
          choose *= (n - k) / (k + 1);
        }
        expect(binomialAtLeast(count, n, p)).toBeCloseTo(tail, 10);
      }),
    );
  });

  it("has two tails that share the count itself, also for thousands", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50_000 }), probability, probability, (n, at, p) => {
        const count = Math.floor(at * n);
        expect(binomialAtLeast(count + 1, n, p) + binomialAtMost(count, n, p)).toBeCloseTo(1, 9);
      }),
    );
  });
});

describe("verdictOnShare", () => {
  const surely = { above: 0.999, below: 0.95 };

  it("needs 299 requests without an error for less than 1 %, and lets one bad answer of few be", () => {
    expect(verdictOnShare(0, 298, 0.01, surely)).toBe("inconclusive");
    expect(verdictOnShare(0, 299, 0.01, surely)).toBe("passed");
    expect(verdictOnShare(1, 1, 0.01, surely)).toBe("inconclusive");
    expect(verdictOnShare(0, 0, 0.01, surely)).toBe("inconclusive");
    expect(verdictOnShare(3, 10, 0.01, surely)).toBe("failed");
  });
});

describe("order statistics", () => {
  it("bound a P95 with the ranks of Hahn and Meeker's tables", () => {
    // 59 values are the fewest whose largest is above the P95 with 95 % confidence.
    expect(upperRank(58, 0.95, 0.95)).toBe(59);
    expect(upperRank(59, 0.95, 0.95)).toBe(59);
    expect(lowerRank(3, 0.5, 0.95)).toBe(0);
    expect([lowerRank(100, 0.5, 0.95), upperRank(100, 0.5, 0.95)]).toEqual([42, 59]);
  });

  it("cover the quantile as often as they say", () => {
    const random = seededRandom(11);
    const bounds = Array.from({ length: 2000 }, (_, index) => (index + 1) / 2000);
    const missed = { below: 0, above: 0 };
    const trials = 4000;
    for (let trial = 0; trial < trials; trial++) {
      const counts = new Array<number>(2001).fill(0);
      for (let value = 0; value < 200; value++) {
        const bucket = Math.floor(2000 * random());
        counts[bucket] = (counts[bucket] ?? 0) + 1;
      }
      const { lower, upper } = quantileInterval({ bounds, counts }, 0.95, 0.95) ?? { lower: 0, upper: 0 };
      if (lower > 0.95) missed.below++;
      if (upper < 0.95) missed.above++;
    }
    for (const count of Object.values(missed)) {
      expect(count / trials).toBeLessThan(0.06);
      expect(count / trials).toBeGreaterThan(0.01);
    }
  });
});

describe("a histogram", () => {
  const histogram: Histogram = { bounds: [0.1, 1], counts: [11, 5, 0] };

  it("has quantiles by interpolation within a bucket", () => {
    expect(quantileOf(histogram, 0.5)).toBeCloseTo((0.1 * 8) / 11);
    expect(quantileOf(histogram, 0.95)).toBeCloseTo(0.1 + (0.9 * (15.2 - 11)) / 5);
    expect(quantileOf({ bounds: [], counts: [] }, 0.95)).toBeNull();
    expect(quantileInterval({ bounds: [1], counts: [0, 0] }, 0.95, 0.95)).toBeNull();
  });

  it("knows of what is above its bounds only that it is", () => {
    const beyond: Histogram = { bounds: [0.1, 1], counts: [0, 0, 400] };
    expect(quantileOf(beyond, 0.95)).toBe(1);
    expect(quantileInterval(beyond, 0.95, 0.95)).toEqual({
      estimate: 1,
      lower: 1,
      upper: Number.POSITIVE_INFINITY,
    });
  });
});

describe("newcombeInterval", () => {
  it("gives the figures of example (a) in Newcombe (1998): 56 of 70 less 48 of 80 is 0.0524 to 0.3339", () => {
    const { estimate, lower, upper } = newcombeInterval({ count: 56, n: 70 }, { count: 48, n: 80 }, 0.975);
    expect(estimate).toBeCloseTo(0.2, 12);
    expect(lower).toBeCloseTo(0.0524, 4);
    expect(upper).toBeCloseTo(0.3339, 4);
  });
});
