/** Whether a canary may get more traffic: what two versions did with live requests, side by side. */
import { type Confidences, verdictOnShare } from "./binomial.ts";
import { percent } from "./format.ts";
import { type Histogram, quantileInterval, quantileOf } from "./histogram.ts";
import { type Interval, newcombeInterval } from "./proportions.ts";
import { type Check, type Decision, overall, type Verdict } from "./verdict.ts";

/** What a version did with the requests that it got. */
export interface CanaryTraffic {
  readonly requests: number;
  /** Requests that ended without a whole answer, by no fault of the client. */
  readonly errors: number;
  /** Seconds to the last byte. */
  readonly latency: Histogram;
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
  /** Fewest requests of either from which their latencies are compared, and after which a stage may end. */
  readonly minimumRequests: number;
  /** Fewest questions to either from which their refusals are compared. */
  readonly minimumQuestions: number;
  /** Requests of the candidate after which a stage that is undecided is not watched any longer. */
  readonly maximumRequests: number;
  /** One-sided confidence with which something must be too much before traffic is taken away, at any of many looks. */
  readonly stopConfidence: number;
  /** One-sided confidence with which nothing must be too much before the candidate gets more. */
  readonly passConfidence: number;
}

export const canaryThresholds: CanaryThresholds = {
  maximumErrors: 0.01,
  maximumLatencyRatio: 1.5,
  maximumRefusalGain: 0.1,
  minimumRequests: 100,
  minimumQuestions: 20,
  maximumRequests: 2000,
  stopConfidence: 0.999,
  passConfidence: 0.95,
};

const P95 = 0.95;

/**
 * Failed: take the traffic away at once, something is surely too much. Passed: surely nothing is. Inconclusive: go on
 * watching, as long as `maximumRequests` allows.
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
      latencyP95: quantileOf(candidate.latency, P95),
      refusals: share(candidate.refusals, candidate.questions),
      liveRequests: live.requests,
      liveErrors: share(live.errors, live.requests),
      liveLatencyP95: quantileOf(live.latency, P95),
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

function errorsCheck({ requests, errors }: CanaryTraffic, thresholds: CanaryThresholds): Check {
  const { maximumErrors } = thresholds;
  return {
    name: "errors",
    verdict: verdictOnShare(errors, requests, maximumErrors, confidencesOf(thresholds)),
    because: `${errors} of ${requests} requests failed, at most ${percent(maximumErrors)} wanted`,
  };
}

function confidencesOf({ stopConfidence, passConfidence }: CanaryThresholds): Confidences {
  return { above: stopConfidence, below: passConfidence };
}

function latencyCheck({ candidate, live }: CanaryMeasurement, thresholds: CanaryThresholds): Check {
  const { maximumLatencyRatio, minimumRequests, stopConfidence, passConfidence } = thresholds;
  const name = "latency P95 against live";
  const stop = ratioInterval(candidate.latency, live.latency, stopConfidence);
  const pass = ratioInterval(candidate.latency, live.latency, passConfidence);
  const few = candidate.requests < minimumRequests || live.requests < minimumRequests;
  if (few || stop === null || pass === null) {
    return { name, verdict: "inconclusive", because: "too few requests of one of the two to compare them" };
  }
  const least = stop.lower;
  const most = pass.upper;
  const verdict = (): Verdict => {
    if (least > maximumLatencyRatio) return "failed";
    return most <= maximumLatencyRatio ? "passed" : "inconclusive";
  };
  return {
    name,
    verdict: verdict(),
    because:
      `${stop.estimate.toFixed(2)} times that of live, surely ${least.toFixed(2)} to ${most.toFixed(2)} times, ` +
      `at most ${maximumLatencyRatio} wanted`,
  };
}

/** Of the two P95; each of them may lie outside of its own interval with half of the probability. */
function ratioInterval(candidate: Histogram, live: Histogram, confidence: number): Interval | null {
  const own = quantileInterval(candidate, P95, (1 + confidence) / 2);
  const other = quantileInterval(live, P95, (1 + confidence) / 2);
  if (own === null || other === null) return null;
  return {
    estimate: own.estimate / other.estimate,
    lower: own.lower / other.upper,
    upper: own.upper / other.lower,
  };
}

function refusalsCheck({ candidate, live }: CanaryMeasurement, thresholds: CanaryThresholds): Check {
  const { maximumRefusalGain, minimumQuestions, stopConfidence, passConfidence } = thresholds;
  const name = "refusals";
  // Without questions of our own nobody can tell; the other checks still can.
  if (candidate.questions + live.questions === 0) {
    return { name, verdict: "passed", because: "no questions were asked" };
  }
  const because =
    `${candidate.refusals} of ${candidate.questions} answerable questions were refused, of live ` +
    `${live.refusals} of ${live.questions}; at most ${percent(maximumRefusalGain)} more wanted`;
  if (candidate.questions < minimumQuestions || live.questions < minimumQuestions) {
    return { name, verdict: "inconclusive", because };
  }
  const gain = (confidence: number): Interval =>
    newcombeInterval(
      { count: candidate.refusals, n: candidate.questions },
      { count: live.refusals, n: live.questions },
      confidence,
    );
  const verdict = (): Verdict => {
    if (gain(stopConfidence).lower > maximumRefusalGain) return "failed";
    return gain(passConfidence).upper <= maximumRefusalGain ? "passed" : "inconclusive";
  };
  return { name, verdict: verdict(), because };
}
