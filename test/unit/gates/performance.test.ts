import {
  type Anchor,
  type Conditions,
  judgePerformance,
  type Load,
  performanceMeasurement,
  performanceThresholds,
} from "@mlops/gates";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conditions, load, writtenPerformance } from "./languageMeasurements.ts";
import { model } from "./measurements.ts";

interface Case {
  readonly candidate?: Partial<Load>;
  readonly live?: Partial<Load> | null;
  readonly anchor?: Partial<Load> | null;
  readonly under?: Partial<Conditions>;
}

const judge = ({ candidate = {}, live = {}, anchor = {}, under = {} }: Case) => {
  const fixed: Anchor | undefined =
    anchor === null ? undefined : { conditions: { ...conditions, ...under }, load: { ...load, ...anchor } };
  return judgePerformance({
    conditions,
    candidate: { model, load: { ...load, ...candidate } },
    ...(live === null ? {} : { live: { model, load: { ...load, ...live } } }),
    ...(fixed === undefined ? {} : { anchor: fixed }),
  });
};
const stopping = (changes: Case) => {
  const { verdict, checks } = judge(changes);
  return [verdict, checks.filter((check) => check.verdict !== "passed").map(({ name }) => name)];
};
const p95 = (value: number | null) => ({ p50: 0.1, p95: value, p99: 9 });

describe("judgePerformance", () => {
  it("passes a candidate that is as fast as live and as the anchor", () => {
    const decision = judge({});
    expect(decision.verdict).toBe("passed");
    expect(decision.numbers).toMatchObject({
      latencyP95: 4.9,
      liveLatencyP95: 4.9,
      anchorRequestsPerSecond: 3.6,
    });
  });

  it("passes exactly at the ratios, and fails exactly at the absolute limits", () => {
    expect(
      judge({ candidate: { latency: p95(1.15) }, live: { latency: p95(1) }, anchor: { latency: p95(1) } })
        .verdict,
    ).toBe("passed");
    expect(
      stopping({ candidate: { latency: p95(8) }, live: { latency: p95(8) }, anchor: { latency: p95(8) } }),
    ).toEqual(["failed", ["latency P95"]]);
    expect(stopping({ candidate: { succeeded: 1188 } })).toEqual(["failed", ["success"]]);
    expect(judge({ candidate: { succeeded: 1189 } }).verdict).toBe("passed");
  });

  it.each<[string, Case, string, string[]]>([
    [
      "a late first token",
      {
        candidate: { timeToFirstToken: p95(2) },
        live: { timeToFirstToken: p95(2) },
        anchor: { timeToFirstToken: p95(2) },
      },
      "failed",
      ["time to first token P95"],
    ],
    [
      "too little throughput",
      {
        candidate: { requestsPerSecond: 2 },
        live: { requestsPerSecond: 2 },
        anchor: { requestsPerSecond: 2 },
      },
      "failed",
      ["throughput"],
    ],
    ["more latency than live", { live: { latency: p95(4.2) } }, "failed", ["latency P95 against live"]],
    [
      "a later first token than live",
      { live: { timeToFirstToken: p95(0.43) } },
      "failed",
      ["time to first token P95 against live"],
    ],
    [
      "less throughput than live",
      { live: { requestsPerSecond: 4.3 } },
      "failed",
      ["throughput against live"],
    ],
    [
      "small losses that have added up",
      { live: { latency: p95(4.5) }, anchor: { latency: p95(4.2) } },
      "failed",
      ["latency P95 against the anchor"],
    ],
    [
      "less throughput than the anchor",
      { anchor: { requestsPerSecond: 4.3 } },
      "failed",
      ["throughput against the anchor"],
    ],
    ["few requests", { candidate: { requests: 199, succeeded: 199 } }, "inconclusive", ["requests"]],
    [
      "few requests of live",
      { live: { requests: 199, succeeded: 199 } },
      "inconclusive",
      ["requests of live"],
    ],
    ["live without an anchor", { anchor: null }, "inconclusive", ["anchor"]],
    [
      "a live model without a number",
      { live: { latency: p95(null) } },
      "inconclusive",
      ["latency P95 against live"],
    ],
    [
      "a number that is not finite",
      { candidate: { latency: p95(null) } },
      "failed",
      ["latency P95", "latency P95 against live", "latency P95 against the anchor"],
    ],
    [
      "no answers at all",
      { candidate: { succeeded: 0, requestsPerSecond: Number.NaN }, live: null, anchor: null },
      "failed",
      ["throughput", "success"],
    ],
  ])("stops %s", (_what, changes, verdict, names) => {
    expect(stopping(changes)).toEqual([verdict, names]);
  });

  it.each<[string, Partial<Conditions>, string]>([
    ["fewer cores", { machine: { ...conditions.machine, cores: 4 } }, "cores: 8, anchor 4"],
    [
      "another accelerator",
      { machine: { ...conditions.machine, accelerator: null } },
      "accelerator: L4, anchor null",
    ],
    ["other replicas", { machine: { ...conditions.machine, replicas: 1 } }, "replicas: 2, anchor 1"],
    ["fewer clients", { concurrency: 5 }, "concurrency: 10, anchor 5"],
    ["other prompts", { promptsSha256: "0".repeat(64) }, "promptsSha256"],
    ["another server", { server: "vllm 0.9.0" }, "server: vllm 0.11.0, anchor vllm 0.9.0"],
  ])("does not compare with an anchor of %s", (_what, under, words) => {
    // Much slower than the anchor: under other conditions that says nothing.
    const { verdict, checks } = judge({ under, anchor: { latency: p95(0.1) } });
    expect(verdict).toBe("inconclusive");
    expect(checks.at(-1)?.because).toContain(words);
  });

  it("judges the first model by the absolute limits, and an anchor that is there all the same", () => {
    expect(judge({ live: null, anchor: null }).checks.map(({ name }) => name)).toEqual([
      "requests",
      "latency P95",
      "time to first token P95",
      "throughput",
      "success",
    ]);
    expect(judge({ live: null, anchor: null }).verdict).toBe("passed");
    expect(judge({ live: null, anchor: { latency: p95(1) } }).verdict).toBe("failed");
  });

  it("never passes what is slower than a limit, whatever the rest", () => {
    const seconds = fc.double({ min: 0.01, max: 12, noNaN: true });
    fc.assert(
      fc.property(seconds, seconds, seconds, (own, ofLive, ofAnchor) => {
        const { verdict } = judge({
          candidate: { latency: p95(own) },
          live: { latency: p95(ofLive) },
          anchor: { latency: p95(ofAnchor) },
        });
        const { latencyP95, maximumRatio } = performanceThresholds;
        const holds = own < latencyP95 && own / ofLive <= maximumRatio && own / ofAnchor <= maximumRatio;
        expect(verdict).toBe(holds ? "passed" : "failed");
      }),
    );
  });
});

describe("performanceMeasurement", () => {
  it("is read as it is written", () => {
    const measurement = performanceMeasurement.parse(writtenPerformance);
    expect(measurement.conditions.machine.memoryGib).toBe(32);
    expect(judgePerformance(measurement).verdict).toBe("passed");
    expect(
      performanceMeasurement.parse({ ...writtenPerformance, live: null, anchor: null }),
    ).not.toHaveProperty("anchor");
  });

  it("is refused with more answers than requests, and without a machine", () => {
    const { candidate, conditions: under } = writtenPerformance;
    const more = { ...candidate, load: { ...candidate.load, succeeded: 1201 } };
    expect(performanceMeasurement.safeParse({ ...writtenPerformance, candidate: more }).success).toBe(false);
    const nowhere = { ...under, machine: undefined };
    expect(performanceMeasurement.safeParse({ ...writtenPerformance, conditions: nowhere }).success).toBe(
      false,
    );
  });
});
