/** Does the adapter answer that was meant, and does every replica answer with it? */
import { type Check, type Decision, overall, type Verdict } from "./verdict.ts";

/** What one model answered to one probe, decoded greedily. */
export interface ProbeAnswer {
  readonly text: string;
  readonly tokens: readonly string[];
  /** Natural logarithm of the probability of each token. */
  readonly logprobs: readonly number[];
}

/** The answers of one replica, one a probe, in the probes' order. */
export interface ReplicaProbes {
  readonly replica: string;
  readonly candidate: readonly ProbeAnswer[];
  /** The candidate once more, after the others: how far it is from itself is the noise. */
  readonly again: readonly ProbeAnswer[];
  /** The base model without an adapter. */
  readonly base: readonly ProbeAnswer[];
  /** Absent if nothing is live. */
  readonly live?: readonly ProbeAnswer[] | undefined;
}

export interface SmokeThresholds {
  /** Largest distance of two replicas' answers to a probe, in nats. */
  readonly agreement: number;
  /** The candidate's distance from another model must be larger than this for at least one probe, in nats, */
  readonly difference: number;
  /** and larger than so many times its distance from itself. */
  readonly noiseFactor: number;
}

/**
 * Servers do not round alike with other requests beside them, so the noise is measured. Two adapters that have learnt
 * the same task well can be less than 0.1 nats apart.
 */
export const smokeThresholds: SmokeThresholds = { agreement: 0.05, difference: 0.02, noiseFactor: 3 };

/**
 * How far apart two answers are: the largest difference of a token's log-probability as far as the tokens are the
 * same; infinite if not even the first one is.
 */
export function answerDistance(a: ProbeAnswer, b: ProbeAnswer): number {
  const shorter = Math.min(a.tokens.length, b.tokens.length);
  let distance = 0;
  for (let index = 0; index < shorter; index++) {
    if (a.tokens[index] !== b.tokens[index]) return index === 0 ? Number.POSITIVE_INFINITY : distance;
    distance = Math.max(distance, Math.abs((a.logprobs[index] ?? 0) - (b.logprobs[index] ?? 0)));
  }
  if (shorter === 0 && a.tokens.length !== b.tokens.length) return Number.POSITIVE_INFINITY;
  return distance;
}

/** Judges what every replica answered to the probes. No replicas or probes decide nothing. */
export function judgeSmoke(
  replicas: readonly ReplicaProbes[],
  thresholds: SmokeThresholds = smokeThresholds,
): Decision {
  const [first, ...others] = replicas;
  const probes = first?.candidate.length ?? 0;
  const noise = Math.max(0, ...replicas.map(noiseOf));
  const empty = replicas.flatMap(({ candidate }) => candidate).filter(({ text }) => text.trim() === "");
  const checks: Check[] = [
    {
      name: "answers",
      verdict: passedIf(empty.length === 0),
      because: `${empty.length} of ${probes * replicas.length} answers are empty, none wanted`,
    },
    ...replicas.flatMap((replica) => [
      distinct("base model", replica, replica.base, thresholds),
      ...(replica.live === undefined ? [] : [distinct("live", replica, replica.live, thresholds)]),
    ]),
    ...others.map((other) => agreement(first ?? other, other, thresholds)),
  ];
  return {
    verdict: first === undefined || probes === 0 ? "inconclusive" : overall(checks),
    checks,
    numbers: {
      probes,
      replicas: replicas.length,
      emptyAnswers: empty.length,
      noise: Number.isFinite(noise) ? noise : null,
    },
    thresholds: { ...thresholds },
  };
}

/** An adapter that was not applied answers as its base; one that was mistaken for live's, as live. */
function distinct(
  from: string,
  probes: ReplicaProbes,
  other: readonly ProbeAnswer[],
  { difference, noiseFactor }: SmokeThresholds,
): Check {
  const { replica, candidate } = probes;
  const wanted = Math.max(difference, noiseFactor * noiseOf(probes));
  const largest = largestDistance(candidate, other);
  return {
    name: `differs from ${from} at ${replica}`,
    verdict: passedIf(largest > wanted),
    because: `answers are up to ${nats(largest)} apart, more than ${nats(wanted)} wanted`,
  };
}

/** How far the candidate is from itself on one replica. */
function noiseOf({ candidate, again }: ReplicaProbes): number {
  return largestDistance(candidate, again);
}

function agreement(first: ReplicaProbes, other: ReplicaProbes, { agreement }: SmokeThresholds): Check {
  const largest = largestDistance(first.candidate, other.candidate);
  return {
    name: `${other.replica} as ${first.replica}`,
    verdict: passedIf(largest <= agreement),
    because: `answers are up to ${nats(largest)} apart, at most ${agreement} nats wanted`,
  };
}

function largestDistance(some: readonly ProbeAnswer[], others: readonly ProbeAnswer[]): number {
  const nothing: ProbeAnswer = { text: "", tokens: [], logprobs: [] };
  return Math.max(0, ...some.map((answer, index) => answerDistance(answer, others[index] ?? nothing)));
}

function nats(distance: number): string {
  return Number.isFinite(distance) ? `${distance.toFixed(4)} nats` : "a whole first token";
}

function passedIf(condition: boolean): Verdict {
  return condition ? "passed" : "failed";
}
