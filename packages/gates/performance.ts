import type { Anchor, Conditions, Load, PerformanceMeasurement } from "./languageMeasurements.ts";
import { type Check, type Decision, overall } from "./verdict.ts";

export interface PerformanceThresholds {
  /** P95 of the time to the last token must be below this, in seconds. */
  readonly latencyP95: number;
  /** P95 of the time to the first token must be below this, in seconds. */
  readonly timeToFirstTokenP95: number;
  /** Throughput must be above this, in complete answers a second. */
  readonly requestsPerSecond: number;
  /** Share of complete answers must be above this. */
  readonly success: number;
  /** Largest ratio of a P95 to that of live, and to that of the anchor. */
  readonly maximumRatio: number;
  /** Least ratio of the throughput to that of live, and to that of the anchor. */
  readonly minimumRatio: number;
  /** Fewest requests from which a P95 is believed. */
  readonly minimumRequests: number;
}

export const performanceThresholds: PerformanceThresholds = {
  latencyP95: 8,
  timeToFirstTokenP95: 2,
  requestsPerSecond: 2,
  success: 0.99,
  maximumRatio: 1.15,
  minimumRatio: 0.85,
  minimumRequests: 200,
};

/** Is the candidate fast enough, and not slower than live in the same run and than a fixed anchor? */
export function judgePerformance(
  { conditions, candidate, live, anchor }: Omit<PerformanceMeasurement, "dataset">,
  thresholds: PerformanceThresholds = performanceThresholds,
): Decision {
  const checks = [
    requestsCheck("requests", candidate.load, thresholds),
    ...absoluteChecks(candidate.load, thresholds),
  ];
  if (live !== undefined) {
    checks.push(requestsCheck("requests of live", live.load, thresholds));
    checks.push(...relativeChecks("live", candidate.load, live.load, thresholds));
  }
  // Nothing is live and nothing is fixed: this measurement can become the anchor.
  if (live !== undefined || anchor !== undefined) {
    checks.push(...anchorChecks(candidate.load, conditions, anchor, thresholds));
  }
  return {
    verdict: overall(checks),
    checks,
    numbers: {
      ...numbersOf("", candidate.load),
      ...(live === undefined ? {} : numbersOf("live", live.load)),
      ...(anchor === undefined ? {} : numbersOf("anchor", anchor.load)),
    },
    thresholds: { ...thresholds },
  };
}

function requestsCheck(name: string, { requests }: Load, { minimumRequests }: PerformanceThresholds): Check {
  return {
    name,
    verdict: requests >= minimumRequests ? "passed" : "inconclusive",
    because: `${requests} requests, at least ${minimumRequests} wanted`,
  };
}

function absoluteChecks(load: Load, thresholds: PerformanceThresholds): Check[] {
  const success = load.succeeded / load.requests;
  return [
    below("latency P95", load.latency.p95, thresholds.latencyP95),
    below("time to first token P95", load.timeToFirstToken.p95, thresholds.timeToFirstTokenP95),
    {
      name: "throughput",
      // A number that is not finite fails every comparison.
      verdict: (load.requestsPerSecond ?? Number.NaN) > thresholds.requestsPerSecond ? "passed" : "failed",
      because: `${shown(load.requestsPerSecond)} answers a second, more than ${thresholds.requestsPerSecond} wanted`,
    },
    {
      name: "success",
      verdict: success > thresholds.success ? "passed" : "failed",
      because: `${load.succeeded} of ${load.requests} requests got a complete answer, more than ${(100 * thresholds.success).toFixed(1)} % wanted`,
    },
  ];
}

function below(name: string, seconds: number | null, limit: number): Check {
  return {
    name,
    verdict: (seconds ?? Number.NaN) < limit ? "passed" : "failed",
    because: `${shown(seconds)} s, less than ${limit} s wanted`,
  };
}

/** The anchor counts under its own conditions only: another shape of machine says nothing about the model. */
function anchorChecks(
  load: Load,
  conditions: Conditions,
  anchor: Anchor | undefined,
  thresholds: PerformanceThresholds,
): Check[] {
  const name = "anchor";
  if (anchor === undefined) {
    return [
      { name, verdict: "inconclusive", because: "no anchor is fixed yet: fix live's measurement as one" },
    ];
  }
  const other = differing(conditions, anchor.conditions);
  if (other.length === 0) {
    return [
      requestsCheck("requests of the anchor", anchor.load, thresholds),
      ...relativeChecks("the anchor", load, anchor.load, thresholds),
    ];
  }
  const because = `measured under other conditions than the anchor (${other.join("; ")}): measure both under the same, or fix a new anchor`;
  return [{ name, verdict: "inconclusive", because }];
}

/** What differs, as "name: now, then". */
function differing(now: Conditions, then: Conditions): string[] {
  const flat = ({ machine, ...rest }: Conditions): Record<string, string | number | null> => ({
    ...machine,
    ...rest,
  });
  const before = flat(then);
  return Object.entries(flat(now))
    .filter(([key, value]) => value !== before[key])
    .map(([key, value]) => `${key}: ${String(value)}, anchor ${String(before[key])}`);
}

function relativeChecks(
  other: string,
  load: Load,
  reference: Load,
  { maximumRatio, minimumRatio }: PerformanceThresholds,
): Check[] {
  const ratioCheck = (
    what: string,
    value: number | null,
    base: number | null,
    holds: (ratio: number) => boolean,
    wanted: string,
  ): Check => {
    const name = `${what} against ${other}`;
    // A reference that is zero or was not finite is no opponent.
    if (base === null || !(base > 0)) {
      return { name, verdict: "inconclusive", because: `${other} has no such number: measure it again` };
    }
    const ratio = (value ?? Number.NaN) / base;
    return {
      name,
      verdict: holds(ratio) ? "passed" : "failed",
      because: `${shown(value)} to ${shown(base)}, ${shown(ratio)} times, ${wanted} wanted`,
    };
  };
  const slower = (what: string, value: number | null, base: number | null): Check =>
    ratioCheck(what, value, base, (ratio) => ratio <= maximumRatio, `at most ${maximumRatio}`);
  return [
    slower("latency P95", load.latency.p95, reference.latency.p95),
    slower("time to first token P95", load.timeToFirstToken.p95, reference.timeToFirstToken.p95),
    ratioCheck(
      "throughput",
      load.requestsPerSecond,
      reference.requestsPerSecond,
      (ratio) => ratio >= minimumRatio,
      `at least ${minimumRatio}`,
    ),
  ];
}

function numbersOf(prefix: string, load: Load): Decision["numbers"] {
  const named = {
    requests: load.requests,
    success: load.succeeded / load.requests,
    requestsPerSecond: load.requestsPerSecond,
    outputTokensPerSecond: load.outputTokensPerSecond,
    latencyP50: load.latency.p50,
    latencyP95: load.latency.p95,
    latencyP99: load.latency.p99,
    timeToFirstTokenP50: load.timeToFirstToken.p50,
    timeToFirstTokenP95: load.timeToFirstToken.p95,
    timeToFirstTokenP99: load.timeToFirstToken.p99,
    interTokenP50: load.interToken.p50,
    interTokenP95: load.interToken.p95,
    interTokenP99: load.interToken.p99,
  };
  return Object.fromEntries(
    Object.entries(named).map(([name, value]) => [
      prefix === "" ? name : `${prefix}${name[0]?.toUpperCase()}${name.slice(1)}`,
      value,
    ]),
  );
}

function shown(value: number | null): string {
  return value !== null && Number.isFinite(value) ? value.toFixed(3) : "(not finite)";
}
