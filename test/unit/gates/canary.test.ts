import { type CanaryMeasurement, type CanaryTraffic, type Histogram, judgeCanary } from "@mlops/gates";
import { describe, expect, it } from "vitest";

const bounds = Array.from({ length: 40 }, (_, index) => 0.01 * 1.25 ** index);

/** Of requests that take `seconds` and, one in ten, twice as long. */
function latency(requests: number, seconds = 0.1): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  for (let request = 0; request < requests; request++) {
    const value = request % 10 === 0 ? 2 * seconds : seconds;
    const bucket = bounds.findIndex((bound) => value <= bound);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return { bounds, counts };
}

const good: CanaryTraffic = {
  requests: 400,
  errors: 0,
  latency: latency(400),
  questions: 100,
  refusals: 1,
};

function judge(candidate: Partial<CanaryTraffic>, live: Partial<CanaryTraffic> = {}) {
  const measurement: CanaryMeasurement = { candidate: { ...good, ...candidate }, live: { ...good, ...live } };
  const { verdict, checks } = judgeCanary(measurement);
  return { verdict, not: checks.filter((check) => check.verdict !== "passed").map(({ name }) => name) };
}

const few = (requests: number): Partial<CanaryTraffic> => ({ requests, latency: latency(requests) });

describe("a canary", () => {
  it("passes when enough was seen and nothing was wrong", () => {
    expect(judge({})).toEqual({ verdict: "passed", not: [] });
    expect(judge({ questions: 0, refusals: 0 }, { questions: 0, refusals: 0 }).verdict).toBe("passed");
  });

  it("goes on while too little was seen, whatever the first requests were", () => {
    expect(judge(few(20))).toEqual({
      verdict: "inconclusive",
      not: ["requests", "errors", "latency P95 against live"],
    });
    expect(judge({ ...few(1), errors: 1 }).verdict).toBe("inconclusive");
    expect(judge({ ...few(20), errors: 1 }).verdict).toBe("inconclusive");
    expect(judge({ ...few(0), questions: 0, refusals: 0 }).verdict).toBe("inconclusive");
    expect(judge({}, few(3)).verdict).toBe("inconclusive");
    expect(judge({ questions: 19, refusals: 19 }).verdict).toBe("inconclusive");
    // No error of 200 does not show that fewer than 1 % fail.
    expect(judge(few(200))).toEqual({ verdict: "inconclusive", not: ["errors"] });
  });

  it("fails on errors, latency and refusals as soon as they are sure", () => {
    expect(judge({ ...few(20), errors: 5 })).toMatchObject({ verdict: "failed" });
    expect(judge({ errors: 14 })).toEqual({ verdict: "failed", not: ["errors"] });
    expect(judge({ latency: latency(400, 0.2) })).toEqual({
      verdict: "failed",
      not: ["latency P95 against live"],
    });
    expect(judge({ refusals: 40 })).toEqual({ verdict: "failed", not: ["refusals"] });
    // Live refuses as much.
    expect(judge({ questions: 1000, refusals: 400 }, { questions: 1000, refusals: 380 }).verdict).toBe(
      "passed",
    );
  });

  it("does not believe a P95 of few requests: 1.8 times that of live stops nothing, and passes nothing", () => {
    const live = { ...few(1000), latency: latency(1000) };
    const slow = { ...few(100), latency: latency(100, 0.18) };
    expect(judge(slow, live)).toMatchObject({
      verdict: "inconclusive",
      not: ["errors", "latency P95 against live"],
    });
    expect(judge({ ...few(1000), latency: latency(1000, 0.18) }, live)).toMatchObject({ verdict: "failed" });
  });

  it("compares no latencies beyond what the gateway counts", () => {
    const beyond = { bounds, counts: [...new Array<number>(bounds.length).fill(0), 400] };
    expect(judge({ latency: beyond }, { latency: beyond }).not).toEqual(["latency P95 against live"]);
  });
});
