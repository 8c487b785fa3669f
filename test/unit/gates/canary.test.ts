import { type CanaryMeasurement, type CanaryTraffic, judgeCanary } from "@mlops/gates";
import { describe, expect, it } from "vitest";

const good: CanaryTraffic = { requests: 200, errors: 0, latencyP95: 0.2, questions: 100, refusals: 1 };

function judge(candidate: Partial<CanaryTraffic>, live: Partial<CanaryTraffic> = {}) {
  const measurement: CanaryMeasurement = { candidate: { ...good, ...candidate }, live: { ...good, ...live } };
  const { verdict, checks } = judgeCanary(measurement);
  return { verdict, not: checks.filter((check) => check.verdict !== "passed").map(({ name }) => name) };
}

describe("a canary", () => {
  it("passes when enough was seen and nothing was wrong", () => {
    expect(judge({})).toEqual({ verdict: "passed", not: [] });
    expect(judge({ questions: 0, refusals: 0 }).verdict).toBe("passed");
  });

  it("goes on while too little was seen, whatever the first requests were", () => {
    expect(judge({ requests: 20 })).toEqual({
      verdict: "inconclusive",
      not: ["requests", "latency P95 against live"],
    });
    expect(judge({ requests: 20, errors: 1 }).verdict).toBe("inconclusive");
    expect(judge({ requests: 0, latencyP95: null, questions: 0, refusals: 0 }).verdict).toBe("inconclusive");
    expect(judge({}, { requests: 3 }).verdict).toBe("inconclusive");
  });

  it("fails on errors, latency and refusals as soon as they are sure", () => {
    expect(judge({ requests: 20, errors: 5 })).toMatchObject({ verdict: "failed" });
    expect(judge({ errors: 10 })).toEqual({ verdict: "failed", not: ["errors"] });
    expect(judge({ latencyP95: 0.31 })).toEqual({ verdict: "failed", not: ["latency P95 against live"] });
    expect(judge({ refusals: 40 })).toEqual({ verdict: "failed", not: ["refusals"] });
    // Live refuses as much.
    expect(judge({ refusals: 40 }, { refusals: 38 }).verdict).toBe("passed");
  });
});
