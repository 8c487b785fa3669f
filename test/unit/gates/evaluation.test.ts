import {
  calibrateJudge,
  clusteredPairs,
  clusteredTangoInterval,
  countGrades,
  evaluationMeasurement,
  evaluationThresholds,
  type Grade,
  type GradedSample,
  judgeEvaluation,
  seededRandom,
  tangoInterval,
} from "@mlops/gates";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  drawCounts,
  drawSamples,
  errorOf,
  type JudgedScenario,
  sampler,
  simulateJudge,
} from "../../../tools/gates/judges.ts";
import { gradedSamples, writtenEvaluation } from "./languageMeasurements.ts";
import { model } from "./measurements.ts";

const live = { ...model, registeredVersion: "1" };
const judge = (samples: readonly GradedSample[]) => judgeEvaluation({ samples, live });
const stopping = (samples: readonly GradedSample[]) => {
  const { verdict, checks } = judge(samples);
  return [verdict, checks.filter((check) => check.verdict !== "passed").map(({ name }) => name)];
};

describe("judgeEvaluation", () => {
  it("passes a candidate that answers as live does", () => {
    const decision = judge(gradedSamples());
    expect(decision.verdict).toBe("passed");
    expect(decision.numbers).toMatchObject({ rateA: 1, rateC: 0, refusal: 1, judgeFlips: 0, documents: 400 });
  });

  it.each<[string, (index: number) => Partial<GradedSample>, string, string[]]>([
    [
      "too few answers graded A, though live is no better",
      (index) => (index % 10 < 4 ? { candidate: "B", live: "B", again: "B" } : {}),
      "failed",
      ["A"],
    ],
    [
      "too many graded C, though live is no better",
      (index) => (index % 8 === 1 ? { candidate: "C", live: "C", again: "C" } : {}),
      "failed",
      ["C"],
    ],
    [
      "fewer A than live",
      (index) => (index % 8 === 1 ? { candidate: "B" } : {}),
      "failed",
      ["A against live"],
    ],
    [
      "more C than live",
      (index) =>
        index % 16 === 1
          ? { candidate: "C", live: "B", again: "B" }
          : // As many A as live, on other samples.
            {},
      "failed",
      ["C against live"],
    ],
    [
      "a loss at the margin",
      (index) => (index % 25 === 1 ? { candidate: "B" } : {}),
      "inconclusive",
      ["A against live"],
    ],
    [
      "negatives that it answers",
      (index) => (index % 50 === 0 || index % 45 === 0 ? { refused: false } : {}),
      "failed",
      ["refusal"],
    ],
    ["too few negatives", (index) => ({ negative: index < 49 }), "inconclusive", ["refusal"]],
    [
      "nearly nothing but negatives, whose refusals prove little",
      (index) => ({ negative: index >= 49, refused: true }),
      "inconclusive",
      ["answerable"],
    ],
    ["too few grades", (index) => (index < 13 ? { again: null } : {}), "inconclusive", ["graded"]],
    [
      "too few documents",
      (index) => ({ document: `${index % 29}` }),
      "inconclusive",
      ["A against live", "C against live"],
    ],
  ])("stops %s", (_what, change, verdict, names) => {
    const [found, stopped] = stopping(gradedSamples(change));
    expect(found).toBe(verdict);
    expect(stopped).toEqual(expect.arrayContaining(names));
    // A judge that says nothing of enough samples is not believed on the others.
    if (!names.includes("graded")) expect(stopped).toEqual(names);
  });

  it("is inconclusive with a judge that is too noisy, whatever it says of the candidate", () => {
    const noisy = (index: number): Partial<GradedSample> => (index % 3 === 0 ? { again: "B" } : {});
    const good = judge(gradedSamples(noisy));
    expect(good.verdict).toBe("inconclusive");
    const bad = judge(gradedSamples((index) => ({ ...noisy(index), candidate: "C" })));
    expect(bad.verdict).toBe("inconclusive");
    expect(bad.checks.find(({ name }) => name === "judge")?.because).toContain(
      "differ for 33.33 % of 1200 answers",
    );
  });

  it("shrinks the margins as the judge's noise shrinks differences", () => {
    const { checks, numbers } = judge(
      gradedSamples((index) =>
        index % 8 === 0 ? { again: "B" } : index % 60 === 1 ? { candidate: "B" } : {},
      ),
    );
    const shrinkage = numbers.shrinkage ?? Number.NaN;
    expect(shrinkage).toBeGreaterThan(0.8);
    expect(shrinkage).toBeLessThan(0.95);
    const margin = (100 * -evaluationThresholds.marginA * shrinkage).toFixed(2);
    expect(checks.find(({ name }) => name === "A against live")?.because).toContain(
      `more than ${margin} wanted: better on 0 samples, worse on 20;`,
    );
  });

  it("is less sure where the answers to a document are alike", () => {
    const worse = (bad: (index: number) => boolean) =>
      judge(gradedSamples((index) => (bad(index) ? { candidate: "B" } : {}))).numbers;
    const scattered = worse((index) => index % 40 === 1);
    const together = worse((index) => Math.floor(index / 3) % 40 === 1);
    expect(together.differenceA).toBe(scattered.differenceA);
    expect(together.differenceALower).toBeLessThan((scattered.differenceALower ?? 0) - 0.005);
  });

  it("is inconclusive without any grade", () => {
    const decision = judge(gradedSamples(() => ({ candidate: null, live: null, again: null })));
    expect(decision.verdict).toBe("inconclusive");
    expect(decision.numbers.detectableA).toBeNull();
  });

  it("takes the few grades that are missing for the worst", () => {
    const missing = countGrades(
      gradedSamples((index) =>
        index === 1 ? { candidate: null, live: "B" } : index === 2 ? { live: null, candidate: "B" } : {},
      ),
      true,
    );
    expect(missing).toMatchObject({ a: 1198, c: 1, ungraded: 2, calibration: { n: 1199 } });
    expect(missing.compared?.a).toMatchObject({ firstOnly: 0, secondOnly: 1 });
    expect(missing.compared?.c).toMatchObject({ firstOnly: 0, secondOnly: 1 });
  });

  it("judges the first model by its own grades, and the judge by two gradings of them", () => {
    const first = (change: Partial<GradedSample>) =>
      judgeEvaluation({
        samples: gradedSamples((index) => ({ live: null, ...(index % 2 === 0 ? change : {}) })),
      });
    const decision = first({});
    expect(decision.verdict).toBe("passed");
    expect(decision.checks.map(({ name }) => name)).toEqual([
      "graded",
      "judge",
      "A",
      "C",
      "refusal",
      "answerable",
    ]);
    expect(first({ again: "B" }).verdict).toBe("inconclusive");
    expect(first({ candidate: "B", again: "B" }).verdict).toBe("failed");
  });

  it("never passes below a limit, and never with a point estimate beyond a margin", () => {
    const shares = fc.tuple(
      fc.integer({ min: 2, max: 40 }),
      fc.integer({ min: 2, max: 40 }),
      fc.nat(39),
      fc.nat(39),
    );
    fc.assert(
      fc.property(shares, ([a, b, x, y]) => {
        const grade = (index: number, every: number, offset: number): Grade =>
          index % every !== offset % every ? "A" : index % 2 === 0 ? "B" : "C";
        const samples = gradedSamples((index) => {
          const byLive = grade(index, b, y);
          return { candidate: grade(index, a, x), live: byLive, again: byLive };
        });
        const { verdict, numbers } = judge(samples);
        if (verdict !== "passed") return;
        expect(numbers.rateA).toBeGreaterThanOrEqual(evaluationThresholds.minimumA);
        expect(numbers.rateC).toBeLessThanOrEqual(evaluationThresholds.maximumC);
        expect(numbers.differenceA).toBeGreaterThan(-evaluationThresholds.marginA);
        expect(numbers.differenceC).toBeGreaterThan(-evaluationThresholds.marginC);
      }),
    );
  });
});

describe("calibrateJudge", () => {
  const calibrate = (flips: number, flipsA: number, flipsC: number, n = 1200) =>
    calibrateJudge({ n, flips, flipsA, flipsC }, n, evaluationThresholds);

  it("knows how judges that err shrink a difference", () => {
    for (const error of [0.05, 0.15]) {
      // Of many gradings, so that the upper bound is close to the share.
      const differing = 1 - (1 - error) ** 2 - error ** 2 / 2;
      const n = 10_000_000;
      expect(errorOf(differing)).toBeCloseTo(error, 12);
      expect(calibrate(Math.round(differing * n), 0, 0, n).shrinkage).toBeCloseTo(1 - 1.5 * error, 2);
    }
  });

  it("takes a judge to be as noisy as a few answers cannot rule out", () => {
    expect(calibrate(0, 0, 0).check.verdict).toBe("passed");
    expect(calibrate(0, 0, 0, 20).check.verdict).toBe("inconclusive");
    expect(calibrate(0, 0, 0, 20).shrinkage).toBeLessThan(0.95);
  });

  it("must show both margins", () => {
    expect(calibrate(200, 200, 0).check.verdict).toBe("passed");
    expect(calibrate(200, 0, 200).check.verdict).toBe("inconclusive");
    expect(calibrate(300, 300, 0).check.verdict).toBe("inconclusive");
  });

  it("detects less the noisier the judge", () => {
    fc.assert(
      fc.property(fc.nat(1200), fc.nat(1200), (first, second) => {
        const [less, more] = [Math.min(first, second), Math.max(first, second)];
        expect(calibrate(more, more, more).detectableA).toBeGreaterThanOrEqual(
          calibrate(less, less, less).detectableA,
        );
      }),
    );
  });

  it("knows nothing of a judge that guesses, or that never graded twice", () => {
    expect(calibrate(800, 530, 530).detectableA).toBe(Number.POSITIVE_INFINITY);
    expect(
      calibrateJudge({ n: 0, flips: 0, flipsA: 0, flipsC: 0 }, 1200, evaluationThresholds).check.verdict,
    ).toBe("inconclusive");
  });
});

describe("clusteredPairs", () => {
  it("is Tango's interval for items that are documents of their own", () => {
    const pairs = clusteredPairs(
      Array.from({ length: 300 }, (_, index) => ({
        document: `${index}`,
        difference: index < 20 ? 1 : index < 30 ? -1 : 0,
      })),
    );
    expect(pairs).toMatchObject({ n: 300, firstOnly: 20, secondOnly: 10, documents: 300 });
    expect(pairs.designEffect).toBeCloseTo(300 / 299, 12);
    expect(clusteredTangoInterval({ ...pairs, designEffect: 1 }, 0.95)).toEqual(tangoInterval(pairs, 0.95));
  });

  it("counts a document that is all alike as one item", () => {
    const pairs = clusteredPairs(
      Array.from({ length: 300 }, (_, index) => {
        const document = Math.floor(index / 5);
        return { document: `${document}`, difference: document < 6 ? 1 : document < 9 ? -1 : 0 };
      }),
    );
    expect(pairs.designEffect).toBeCloseTo((5 * 60) / 59, 12);
  });
});

describe("simulateJudge", () => {
  const scenario: JudgedScenario = {
    documents: 300,
    samplesPerDocument: 4,
    pairs: [
      { candidate: "A", live: "A", probability: 0.83 },
      { candidate: "B", live: "A", probability: 0.05 },
      { candidate: "B", live: "B", probability: 0.08 },
      { candidate: "C", live: "C", probability: 0.04 },
    ],
    clustering: 0.5,
    flips: 0.15,
    negatives: 240,
    refusal: 0.97,
  };

  it("counts what the gate counts in the same samples", () => {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      expect(drawCounts(scenario, sampler(scenario, random), random)).toEqual(
        countGrades(drawSamples(scenario, seededRandom(seed)), true),
      );
    }
  });

  it("draws true grades and flips with their probabilities, and documents that are alike", () => {
    const random = seededRandom(8);
    const samples = Array.from({ length: 40 }, (_, trial) =>
      drawSamples(scenario, random).map((sample) => ({ ...sample, document: `${trial}/${sample.document}` })),
    ).flat();
    const { n, calibration, compared } = countGrades(samples, true);
    expect(calibration.flips / n).toBeCloseTo(0.15, 2);
    const error = errorOf(0.15);
    const difference = ((compared?.a.firstOnly ?? 0) - (compared?.a.secondOnly ?? 0)) / n;
    expect(difference).toBeCloseTo(-0.05 * (1 - 1.5 * error), 2);
    expect(compared?.a.designEffect).toBeGreaterThan(1.05);
    const alone = drawSamples({ ...scenario, clustering: 0, documents: 12_000 }, random);
    expect(countGrades(alone, true).compared?.a.designEffect).toBeLessThan(1.04);
  });

  it("keeps the gate's promise where documents go their own way: a loss of 5 points passes in at most 5 %", () => {
    const rates = simulateJudge(
      { ...scenario, clustering: 0.9 },
      1000,
      evaluationThresholds,
      seededRandom(6),
    );
    expect(rates.passed).toBeLessThan(0.05);
  });
});

describe("evaluationMeasurement", () => {
  it("is read as it is written", () => {
    const measurement = evaluationMeasurement.parse(writtenEvaluation);
    expect(measurement.live?.registeredVersion).toBe("1");
    expect(judgeEvaluation(measurement).verdict).not.toBe("passed");
  });

  const [first] = writtenEvaluation.samples;
  it.each([
    ["two samples of one id", { samples: [first, first] }],
    ["a grade that there is not", { samples: [{ ...first, candidate: "D" }] }],
    ["grades of live where nothing is live", { live: null }],
    ["no samples", { samples: [] }],
  ])("is refused with %s", (_what, change) => {
    expect(evaluationMeasurement.safeParse({ ...writtenEvaluation, ...change }).success).toBe(false);
  });
});
