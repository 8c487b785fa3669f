import {
  binomial,
  type CanaryTraffic,
  canaryThresholds,
  judgeCanary,
  normalDistribution,
  type Random,
  type Verdict,
} from "@mlops/gates";
import { type AliasTable, aliasTable, drawFrom } from "./aliasTable.ts";
import { rates, table } from "./tables.ts";

interface CanaryScenario {
  readonly name: string;
  /** Every latency of the candidate is this many times that of live. */
  readonly slower?: number;
  readonly errors?: number;
  /** Of answerable questions; live refuses 3 %. */
  readonly refusals?: number;
}

const LIVE_REFUSALS = 0.03;
const SHARES = [0.1, 0.5] as const;
/** Requests of the candidate from one look to the next; half of all requests are questions of the canary's own. */
const BETWEEN_LOOKS = 40;

const scenarios: readonly CanaryScenario[] = [
  { name: "as live" },
  { name: "as live, 0.3 % errors", errors: 0.003 },
  { name: "1.2 times as slow", slower: 1.2 },
  { name: "1.5 times as slow: the limit", slower: 1.5 },
  { name: "2 times as slow", slower: 2 },
  { name: "3 times as slow", slower: 3 },
  { name: "1 % errors: the limit", errors: 0.01 },
  { name: "3 % errors", errors: 0.03 },
  { name: "10 % errors", errors: 0.1 },
  { name: "refuses 5 points more", refusals: LIVE_REFUSALS + 0.05 },
  { name: "refuses 10 points more: the limit", refusals: LIVE_REFUSALS + 0.1 },
  { name: "refuses 20 points more", refusals: LIVE_REFUSALS + 0.2 },
  { name: "refuses 40 points more", refusals: LIVE_REFUSALS + 0.4 },
];

/** The canary's table: both stages with all their looks. */
export function canaryErrorRates(trials: number, random: Random): string[] {
  return table(["candidate", "its requests, on average"], scenarios, (scenario) => {
    const counted: Record<Verdict, number> = { passed: 0, failed: 0, inconclusive: 0 };
    const tables = [latencies(scenario.slower ?? 1), latencies(1)] as const;
    let requests = 0;
    for (let trial = 0; trial < trials; trial++) {
      const result = simulateCanary(scenario, tables, random);
      counted[result.verdict]++;
      requests += result.requests;
    }
    const share = (verdict: Verdict): number => counted[verdict] / trials;
    return [
      scenario.name,
      (requests / trials).toFixed(0),
      rates({ passed: share("passed"), inconclusive: share("inconclusive"), failed: share("failed") }),
    ];
  });
}

/** As the gateway counts them. */
const bounds = Array.from({ length: 54 }, (_, index) => 0.001 * 1.25 ** index);

/** Log-normal around 0.2 s, with a P95 of 2.7 times that. */
function latencies(slower: number): AliasTable {
  const below = (seconds: number): number => normalDistribution(Math.log(seconds / (0.2 * slower)) / 0.6);
  return aliasTable(
    bounds.map((bound, index) => below(bound) - (index === 0 ? 0 : below(bounds[index - 1] ?? 0))),
  );
}

/** Counts that grow from look to look. */
interface Traffic extends CanaryTraffic {
  requests: number;
  errors: number;
  questions: number;
  refusals: number;
  readonly latency: { readonly bounds: readonly number[]; readonly counts: number[] };
}

function simulateCanary(
  { errors = 0, refusals = LIVE_REFUSALS }: CanaryScenario,
  [ofCandidate, ofLive]: readonly [AliasTable, AliasTable],
  random: Random,
): { readonly verdict: Verdict; readonly requests: number } {
  let requests = 0;
  for (const share of SHARES) {
    const [candidate, live] = [nothing(), nothing()];
    const fromLive = Math.round((BETWEEN_LOOKS * (1 - share)) / share);
    let verdict: Verdict = "inconclusive";
    while (verdict === "inconclusive" && candidate.requests < canaryThresholds.maximumRequests) {
      grow(candidate, BETWEEN_LOOKS, { errors, refusals, table: ofCandidate }, random);
      grow(live, fromLive, { errors: 0, refusals: LIVE_REFUSALS, table: ofLive }, random);
      verdict = judgeCanary({ candidate, live }).verdict;
    }
    requests += candidate.requests;
    if (verdict !== "passed") return { verdict, requests };
  }
  return { verdict: "passed", requests };
}

function nothing(): Traffic {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  return { requests: 0, errors: 0, questions: 0, refusals: 0, latency: { bounds, counts } };
}

function grow(
  traffic: Traffic,
  requests: number,
  {
    errors,
    refusals,
    table,
  }: { readonly errors: number; readonly refusals: number; readonly table: AliasTable },
  random: Random,
): void {
  const { counts } = traffic.latency;
  for (let request = 0; request < requests; request++) {
    const bucket = drawFrom(table, random);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  traffic.requests += requests;
  traffic.errors += binomial(random, requests, errors);
  traffic.questions += requests / 2;
  traffic.refusals += binomial(random, requests / 2, refusals);
}
