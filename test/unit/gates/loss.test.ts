import {
  clusteredRatioBootstrap,
  judgeLoss,
  type LossSample,
  lossMeasurement,
  lossThresholds,
  seededRandom,
} from "@mlops/gates";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lossSamples, writtenLoss } from "./languageMeasurements.ts";

const judge = (samples: readonly LossSample[]) => judgeLoss({ samples });

describe("judgeLoss", () => {
  it("passes an adapter that has learnt more than its base knows", () => {
    const decision = judge(lossSamples(60, 0.5, 1.5));
    expect(decision.verdict).toBe("passed");
    expect(decision.numbers).toMatchObject({ tokens: 1200, documents: 60, loss: 0.5 });
    expect(decision.numbers.perplexity).toBeCloseTo(Math.exp(0.5), 12);
    expect(decision.numbers.gainLower).toBeGreaterThan(0.9);
    expect(decision.numbers.gainUpper).toBeLessThan(1.1);
  });

  it("weighs completions by their tokens", () => {
    const samples = lossSamples(60, 0.5, 1.5).map((sample, index) =>
      index === 0 ? { ...sample, tokens: 100_000, candidate: 200_000 } : sample,
    );
    const { verdict, numbers } = judge(samples);
    expect(verdict).toBe("failed");
    expect(numbers.loss).toBeCloseTo((200_000 + 0.5 * 1190) / (100_000 + 1190), 9);
  });

  it.each<[string, LossSample[], string, string]>([
    ["a loss above the limit", lossSamples(60, 0.7, 1.5), "loss", "failed"],
    [
      "an adapter that is worse than its base",
      lossSamples(60, 0.6, 0.4),
      "gain over the base model",
      "failed",
    ],
    [
      "a gain that chance explains",
      lossSamples(60, 0.6, 0.6, 0.3),
      "gain over the base model",
      "inconclusive",
    ],
    ["too few documents", lossSamples(29, 0.5, 1.5), "gain over the base model", "inconclusive"],
  ])("stops %s", (_what, samples, name, verdict) => {
    const decision = judge(samples);
    expect(decision.verdict).toBe(verdict);
    expect(decision.checks.filter((check) => check.verdict !== "passed").map((check) => check.name)).toEqual([
      name,
    ]);
  });

  it("fails a loss that is not finite, of the adapter or of its base", () => {
    const [first, ...rest] = lossSamples(60, 0.5, 1.5);
    if (first === undefined) throw new Error("no samples");
    expect(judge([{ ...first, candidate: null }, ...rest]).verdict).toBe("failed");
    expect(judge([{ ...first, candidate: Number.NaN }, ...rest]).verdict).toBe("failed");
    const decision = judge([{ ...first, base: null }, ...rest]);
    expect(decision.verdict).toBe("failed");
    expect(decision.numbers.baseLoss).toBeNull();
  });

  it("never passes above the limit, nor without a gain", () => {
    const losses = fc.tuple(
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.double({ min: 0, max: 2, noNaN: true }),
    );
    fc.assert(
      fc.property(losses, ([candidate, base]) => {
        const { verdict, numbers } = judge(lossSamples(30, candidate, base));
        if (verdict !== "passed") return;
        expect(numbers.loss).toBeLessThanOrEqual(lossThresholds.maximumLoss + 1e-9);
        expect(numbers.gain).toBeGreaterThan(0);
      }),
      { numRuns: 20 },
    );
  });
});

describe("clusteredRatioBootstrap", () => {
  it("finds a gain where there is none in about 5 % of samples, also if completions of a document are alike", () => {
    const random = seededRandom(11);
    const trials = 600;
    let found = 0;
    for (let trial = 0; trial < trials; trial++) {
      const documents = Array.from({ length: 60 }, () => {
        const completions = 1 + Math.floor(random() * 6);
        // One number for the whole document: its completions are as good as one.
        return { sum: (random() - 0.5) * 10 * completions, weight: 10 * completions };
      });
      if (clusteredRatioBootstrap(documents, { confidence: 0.95, resamples: 400, seed: trial }).lower > 0)
        found++;
    }
    expect(found / trials).toBeGreaterThan(0.02);
    expect(found / trials).toBeLessThan(0.09);
  });
});

describe("lossMeasurement", () => {
  it("is read as it is written", () => {
    const measurement = lossMeasurement.parse(writtenLoss);
    expect(measurement.model.registeredVersion).toBe("2");
    expect(measurement.base.revision).toBe("0123abc");
    expect(judgeLoss(measurement).verdict).toBe("failed");
  });

  it.each([
    ["no samples", { samples: [] }],
    ["a completion without tokens", { samples: [{ ...writtenLoss.samples[0], tokens: 0 }] }],
    ["a likelihood above 1", { samples: [{ ...writtenLoss.samples[0], candidate: -1 }] }],
    ["no revision of the base", { base: { name: "tiny" } }],
  ])("is refused with %s", (_what, change) => {
    expect(lossMeasurement.safeParse({ ...writtenLoss, ...change }).success).toBe(false);
  });
});
