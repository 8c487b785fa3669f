/** Whether a canary may get more traffic: what two versions did with live requests, side by side. */
import { percent } from "./format.ts";
import { wilsonInterval } from "./proportions.ts";
import { type Check, type Decision, overall } from "./verdict.ts";

/** What a version did with the requests that it got. */
export interface CanaryTraffic {
  readonly requests: number;
  /** Requests that ended without a whole answer, by no fault of the client. */
  readonly errors: number;
  /** Seconds to the last byte, estimated from a histogram; null without requests. */
  readonly latencyP95: number | null;
  /** Answerable questions that were asked besides, and how many of them it refused to answer. */
  readonly questions: number;
  readonly refusals: number;
}

export interface CanaryMeasurement {
  readonly candidate: CanaryTraffic;
  readonly live: CanaryTraffic;
}

export interface CanaryThresholds {
  /** Largest share of errors. */
  readonly maximumErrors: number;
  /** Largest ratio of the candidate's P95 of latency to that of live. */
  readonly maximumLatencyRatio: number;
  /** By how much the share of refused questions may exceed that of live. */
  readonly maximumRefusalGain: number;
  /** Fewest requests of either from which a P95 is believed, and after which a stage may end. */
  readonly minimumRequests: number;
  /** One-sided confidence with which a share must be too large before traffic is taken away, at any of many looks. */
  readonly confidence: number;
}

export const canaryThresholds: CanaryThresholds = {
  maximumErrors: 0.01,
  maximumLatencyRatio: 1.5,
  maximumRefusalGain: 0.1,
  minimumRequests: 100,
  confidence: 0.999,
};

/**
 * Failed: take the traffic away at once. Inconclusive: go on watching. Passed: enough was seen, and nothing of it was
 * wrong. One bad answer of few stops nothing; a share that is surely too large does.
 */
export function judgeCanary(
  measurement: CanaryMeasurement,
  thresholds: CanaryThresholds = canaryThresholds,
): Decision {
  const { candidate, live } = measurement;
  const checks = [
    requestsCheck(candidate, thresholds),
    errorsCheck(candidate, thresholds),
    latencyCheck(measurement, thresholds),
    refusalsCheck(measurement, thresholds),
  ];
  const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  return {
    verdict: overall(checks),
    checks,
    numbers: {
      requests: candidate.requests,
      errors: share(candidate.errors, candidate.requests),
      latencyP95: candidate.latencyP95,
      refusals: share(candidate.refusals, candidate.questions),
      liveRequests: live.requests,
      liveErrors: share(live.errors, live.requests),
      liveLatencyP95: live.latencyP95,
      liveRefusals: share(live.refusals, live.questions),
    },
    thresholds: { ...thresholds },
  };
}

function requestsCheck({ requests }: CanaryTraffic, { minimumRequests }: CanaryThresholds): Check {
  return {
    name: "requests",
    verdict: requests >= minimumRequests ? "passed" : "inconclusive",
    because: `${requests} requests of the candidate, at least ${minimumRequests} wanted`,
  };
}

function errorsCheck(
  { requests, errors }: CanaryTraffic,
  { maximumErrors, confidence }: CanaryThresholds,
): Check {
  return {
    name: "errors",
    ...shareVerdict(errors, requests, maximumErrors, confidence),
    because: `${errors} of ${requests} requests failed, at most ${percent(maximumErrors)} wanted`,
  };
}

function latencyCheck(
  { candidate, live }: CanaryMeasurement,
  { maximumLatencyRatio, minimumRequests }: CanaryThresholds,
): Check {
  const name = "latency P95 against live";
  const few = [candidate, live].some(({ requests }) => requests < minimumRequests);
  if (few || candidate.latencyP95 === null || live.latencyP95 === null || live.latencyP95 <= 0) {
    return { name, verdict: "inconclusive", because: "too few requests of one of the two to compare them" };
  }
  const ratio = candidate.latencyP95 / live.latencyP95;
  return {
    name,
    verdict: ratio <= maximumLatencyRatio ? "passed" : "failed",
    because: `${candidate.latencyP95.toFixed(3)} s to ${live.latencyP95.toFixed(3)} s, ${ratio.toFixed(2)} times, at most ${maximumLatencyRatio} wanted`,
  };
}

function refusalsCheck(
  { candidate, live }: CanaryMeasurement,
  { maximumRefusalGain, confidence }: CanaryThresholds,
): Check {
  const ofLive = live.questions === 0 ? 0 : live.refusals / live.questions;
  const { questions, refusals } = candidate;
  return {
    name: "refusals",
    // Without questions of our own nobody can tell; the other checks still can.
    ...(questions === 0
      ? { verdict: "passed" as const }
      : shareVerdict(refusals, questions, ofLive + maximumRefusalGain, confidence)),
    because:
      `${refusals} of ${questions} answerable questions were refused, at most ${percent(maximumRefusalGain)} more ` +
      `than the ${percent(ofLive)} of live wanted`,
  };
}

/** Failed where the share is surely above its limit, passed where it is not above. */
function shareVerdict(count: number, n: number, limit: number, confidence: number): Pick<Check, "verdict"> {
  if (n === 0) return { verdict: "inconclusive" };
  const { estimate, lower } = wilsonInterval(count, n, confidence);
  if (lower > limit) return { verdict: "failed" };
  return { verdict: estimate <= limit ? "passed" : "inconclusive" };
}
