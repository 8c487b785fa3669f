import { type Conditions, judgePerformance, type Load, type Random, type Verdict } from "@mlops/gates";
import { rates, table } from "./tables.ts";

interface LoadScenario {
  readonly requests: number;
  /** Every latency of the candidate is this many times that of live. */
  readonly slower: number;
}

const scenarios: readonly LoadScenario[] = [200, 1200].flatMap((requests) =>
  [1, 1.3].map((slower) => ({ requests, slower })),
);

/** The performance gate's table. */
export function loadErrorRates(trials: number, random: Random): string[] {
  return table(["requests", "candidate's latency"], scenarios, (scenario) => {
    const counted: Record<Verdict, number> = { passed: 0, failed: 0, inconclusive: 0 };
    for (let trial = 0; trial < trials; trial++) counted[verdictOf(scenario, random)]++;
    const share = (verdict: Verdict): number => counted[verdict] / trials;
    return [
      String(scenario.requests),
      `${scenario.slower.toFixed(2)} times`,
      rates({ passed: share("passed"), inconclusive: share("inconclusive"), failed: share("failed") }),
    ];
  });
}

const model = { registeredModel: "simulated", registeredVersion: "1", sha256: "0".repeat(64) };
const conditions: Conditions = {
  machine: { cpu: "simulated", cores: 1, memoryGib: 1, accelerator: null, accelerators: 0, replicas: 1 },
  server: "simulated",
  concurrency: 10,
  promptsSha256: "0".repeat(64),
};

function verdictOf({ requests, slower }: LoadScenario, random: Random): Verdict {
  const live = loadOf(requests, drawnP95(requests, random));
  return judgePerformance({
    conditions,
    candidate: { model, load: loadOf(requests, slower * drawnP95(requests, random)) },
    live: { model, load: live },
    // Its ratios are 1 at most: what is left is the comparison with live.
    anchor: { conditions, load: loadOf(requests, Number.MAX_VALUE) },
  }).verdict;
}

function loadOf(requests: number, p95: number): Load {
  const fast = { p50: 0.1, p95: 0.1, p99: 0.1 };
  return {
    requests,
    succeeded: requests,
    requestsPerSecond: 4,
    outputTokensPerSecond: 100,
    latency: { p50: p95, p95, p99: p95 },
    timeToFirstToken: fast,
    interToken: fast,
  };
}

/** P95 of 1 second and an exponential time of 0.25 s each: Rényi's representation draws it without sorting. */
function drawnP95(requests: number, random: Random): number {
  const rank = Math.ceil(0.95 * requests);
  let tail = 0;
  for (let index = 0; index < rank; index++) tail -= Math.log(1 - random()) / (requests - index);
  return 1 + 0.25 * tail;
}
