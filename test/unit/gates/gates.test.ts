import {
  type Answer,
  accuracyMeasurement,
  clusteredBootstrap,
  functionalSamples,
  judgeAccuracy,
  judgeFunctional,
  judgeParity,
  overall,
  type ParityMeasurement,
  parityMeasurement,
} from "@mlops/gates";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accuracyOf, parity, writtenAccuracy, writtenParity, writtenSamples } from "./measurements.ts";

describe("judgeAccuracy", () => {
  it("asks the first model only for its accuracy", () => {
    expect(judgeAccuracy(accuracyOf({ n: 360, correct: 324 })).verdict).toBe("passed");
    const low = judgeAccuracy(accuracyOf({ n: 360, correct: 323 }));
    expect(low.verdict).toBe("failed");
    expect(low.checks[0]?.because).toContain("accuracy 89.72 %");
  });

  it("passes a model that is clearly better than live", () => {
    const decision = judgeAccuracy(accuracyOf({ n: 360, correct: 355, candidateOnly: 12, liveOnly: 2 }));
    expect(decision.verdict).toBe("passed");
    expect(decision.numbers.differenceLower).toBeGreaterThan(0);
  });

  it("finds an equal model inconclusive, and a clearly worse one failed", () => {
    const equal = judgeAccuracy(accuracyOf({ n: 360, correct: 350, candidateOnly: 5, liveOnly: 5 }));
    expect(equal.verdict).toBe("inconclusive");
    const worse = judgeAccuracy(accuracyOf({ n: 360, correct: 340, candidateOnly: 2, liveOnly: 17 }));
    expect(worse.verdict).toBe("failed");
  });

  it("finds the very same answers inconclusive: nothing was gained", () => {
    expect(judgeAccuracy(accuracyOf({ n: 360, correct: 350, candidateOnly: 0, liveOnly: 0 })).verdict).toBe(
      "inconclusive",
    );
  });

  it("fails a model that beats live but is not good enough", () => {
    const decision = judgeAccuracy(accuracyOf({ n: 360, correct: 300, candidateOnly: 60, liveOnly: 0 }));
    expect(decision.verdict).toBe("failed");
  });

  it("never passes below the floor, and never with an estimate at or below the margin", () => {
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 400 }), fc.nat(50), fc.nat(50), fc.nat(400), (n, a, b, c) => {
        const candidateOnly = Math.min(a, n);
        const liveOnly = Math.min(b, n - candidateOnly);
        const correct = candidateOnly + Math.min(c, n - candidateOnly - liveOnly);
        const { verdict } = judgeAccuracy(accuracyOf({ n, correct, candidateOnly, liveOnly }));
        if (verdict === "passed") {
          expect(correct / n).toBeGreaterThanOrEqual(0.9);
          expect(candidateOnly).toBeGreaterThan(liveOnly);
        }
      }),
    );
  });
});

describe("judgeParity", () => {
  it("passes models that differ by at most 1e-5", () => {
    expect(judgeParity(parity).verdict).toBe("passed");
    expect(judgeParity({ ...parity, maximumProbabilityDifference: 1e-5 }).verdict).toBe("passed");
  });

  it.each<[string, Partial<ParityMeasurement>, string]>([
    ["a larger difference", { maximumProbabilityDifference: 1.1e-5 }, "difference"],
    ["a value that is not finite", { maximumProbabilityDifference: null }, "difference"],
    [
      "a logit that is not finite behind a probability that is",
      { maximumLogitDifference: null },
      "difference",
    ],
    ["not-a-number", { maximumProbabilityDifference: Number.NaN }, "difference"],
    ["one other first answer", { topAgreement: 0.99 }, "top-1"],
    ["an agreement that is not a number", { topAgreement: Number.NaN }, "top-1"],
  ])("fails on %s", (_what, change, check) => {
    const decision = judgeParity({ ...parity, ...change });
    expect(decision.verdict).toBe("failed");
    expect(decision.checks.filter(({ verdict }) => verdict !== "passed").map(({ name }) => name)).toEqual([
      check,
    ]);
  });

  it("is inconclusive on too few rows", () => {
    expect(judgeParity({ ...parity, samples: 99 }).verdict).toBe("inconclusive");
  });
});

describe("judgeFunctional", () => {
  const expected = { shape: [2, 3], data: [0.1, 0.2, 0.7, 0.7, 0.2, 0.1] };
  const good = { replica: "http://a", ...expected };
  const judge = (...answers: Answer[]) => judgeFunctional({ expected, answers }, { tolerance: 1e-4 });

  it("passes replicas that all answer as the registered model", () => {
    const decision = judge(good, {
      ...good,
      replica: "http://b",
      data: expected.data.map((value) => value + 5e-5),
    });
    expect(decision.verdict).toBe("passed");
    expect(decision.numbers.maximumDifference).toBeCloseTo(5e-5, 9);
  });

  it.each<[string, Partial<Answer>]>([
    ["a wrong shape", { shape: [6] }],
    ["swapped dimensions", { shape: [3, 2] }],
    ["a value that is not finite", { data: [0.1, 0.2, 0.7, 0.7, 0.2, null] }],
    ["a missing value", { data: expected.data.slice(1) }],
    ["a difference", { data: [0.1, 0.21, 0.69, 0.7, 0.2, 0.1] }],
    ["another first answer", { data: [0.1, 0.2, 0.7, 0.1, 0.2, 0.7] }],
  ])("fails if one replica answers with %s", (_what, change) => {
    expect(judge(good, { ...good, replica: "http://b", ...change }).verdict).toBe("failed");
  });

  it("does not pass without a replica", () => {
    expect(judge().verdict).toBe("inconclusive");
  });
});

describe("measurements as the training steps write them", () => {
  it("are read", () => {
    const accuracy = accuracyMeasurement.parse(writtenAccuracy);
    expect(accuracy.candidate.model).toEqual({
      registeredModel: "digits",
      registeredVersion: "2",
      sha256: "a".repeat(64),
    });
    expect(accuracy.live?.correct).toEqual([1, 0, 0, 1]);
    expect(accuracyMeasurement.parse({ ...writtenAccuracy, live: null })).not.toHaveProperty("live");
    expect(judgeParity(parityMeasurement.parse(writtenParity)).verdict).toBe("passed");
    expect(functionalSamples.parse(writtenSamples).expected.name).toBe("probabilities");
  });

  it("are refused with rows missing, with values that cannot be, and without probabilities", () => {
    const short = { ...writtenAccuracy.live, correct: [1, 0, 1] };
    expect(accuracyMeasurement.safeParse({ ...writtenAccuracy, live: short }).success).toBe(false);
    const half = { ...writtenAccuracy.candidate, correct: [1, 1, 0, 0.5] };
    expect(accuracyMeasurement.safeParse({ ...writtenAccuracy, candidate: half }).success).toBe(false);
    const [logits] = writtenSamples.expected.outputs;
    expect(functionalSamples.safeParse({ ...writtenSamples, expected: { outputs: [logits] } }).success).toBe(
      false,
    );
  });
});

describe("overall", () => {
  it("never passes without a check", () => {
    expect(overall([])).toBe("inconclusive");
  });
});

describe("clusteredBootstrap", () => {
  const clusters = Array.from({ length: 40 }, (_, index) =>
    Array.from({ length: 5 }, () => (index % 4 === 0 ? 1 : 0)),
  );

  it("gives the same interval every time", () => {
    const first = clusteredBootstrap(clusters, { confidence: 0.95 });
    expect(clusteredBootstrap(clusters, { confidence: 0.95 })).toEqual(first);
    expect(first.estimate).toBe(0.25);
    expect(first.lower).toBeLessThan(0.25);
  });

  it("is wider than with independent items, by the root of the cluster's size", () => {
    const width = ({ lower, upper }: { lower: number; upper: number }): number => upper - lower;
    const clustered = width(clusteredBootstrap(clusters, { confidence: 0.95 }));
    const independent = width(
      clusteredBootstrap(
        clusters.flat().map((value) => [value]),
        { confidence: 0.95 },
      ),
    );
    expect(clustered / independent).toBeGreaterThan(1.9);
    expect(clustered / independent).toBeLessThan(2.6);
  });

  it("refuses one cluster", () => {
    expect(() => clusteredBootstrap([[1, 0]], { confidence: 0.95 })).toThrow("spread");
  });
});
