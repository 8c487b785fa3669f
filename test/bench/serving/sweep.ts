/**
 * Which dynamic batching is best: the digits model on one Triton with one core, under many configurations in turn. Prints
 * a table. Its best configuration is what deployments write (packages/registry/triton). `make bench-serving SWEEP=1`
 */
import { rmSync } from "node:fs";
import { type Batching, batching as chosen, servedName } from "@mlops/registry";
import type { Log } from "../../../tools/lib/log.ts";
import { startServingWorld } from "../../pipelines/serving/world.ts";
import { type Attacked, attack } from "./attack.ts";
import { binaryTarget, deployDigits, model, trainDigits } from "./digits.ts";
import { OTHER_CORE, SERVER_CORE } from "./gateway.ts";
import { pin } from "./pin.ts";

const CONNECTIONS = 32;
const WARM_UP_SECONDS = 1;
const SECONDS = 4;
/** Rounds over all configurations, so that a disturbance of the machine does not meet one of them alone. */
const ROUNDS = 2;
/** Of the throughput of the plainest configuration: the rate at which latencies are compared. */
const COMMON_LOAD = 0.6;
/** A configuration may be slower than the fastest by this factor, at its P95, and still win by its throughput. */
const PATIENCE = 1.1;

const plain: Batching = { maxBatchSize: 1, maxQueueDelayMicroseconds: 0, instances: 1 };
const configurations: readonly Batching[] = [
  plain,
  { ...plain, instances: 2 },
  ...[8, 64].flatMap((maxBatchSize) =>
    [0, 500, 2_000].map((maxQueueDelayMicroseconds) => ({
      ...plain,
      maxBatchSize,
      maxQueueDelayMicroseconds,
    })),
  ),
  { maxBatchSize: 64, maxQueueDelayMicroseconds: 0, instances: 2 },
  { maxBatchSize: 64, maxQueueDelayMicroseconds: 500, preferredBatchSizes: [8, 16, 32], instances: 1 },
];

export interface Swept {
  readonly batching: Batching;
  /** As fast as the connections go; the mean of the rounds. */
  readonly throughput: number;
  /** Milliseconds, open loop at the common rate; the mean of the rounds. */
  readonly p50: number;
  readonly p95: number;
  /** Share of requests answered with 200, the worst of all attacks. */
  readonly success: number;
}

export interface Sweep {
  /** Requests a second at which latencies were compared. */
  readonly rate: number;
  readonly rows: readonly Swept[];
  readonly best: Swept;
}

/** Measures every configuration. @param python Of the training environment. */
export async function sweepBatching(log: Log, python: string): Promise<Sweep> {
  const { folder, onnx, sample } = await trainDigits(log, python);
  const world = await startServingWorld();
  try {
    await world.end("triton-1", "SIGTERM");
    // What Triton starts for a model inherits it.
    await pin(world.pid("triton-0"), SERVER_CORE);
    let version = 0;
    let rate = 0;
    const measured = configurations.map((): { capacity: Attacked; common: Attacked }[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, batching] of configurations.entries()) {
        await deployDigits(world, onnx, ++version, batching);
        const url = `${world.urls["triton-0"]}/v2/models/${servedName(model, version)}/infer`;
        const target = binaryTarget(url, sample);
        const run = (options: { rate: number; seconds: number }): Promise<Attacked> =>
          attack(target, {
            ...options,
            connections: options.rate === 0 ? CONNECTIONS : 1_000,
            core: OTHER_CORE,
          });
        const both = await log.track(`round ${round + 1}: ${nameOf(batching)}`, async () => {
          await run({ rate: 0, seconds: WARM_UP_SECONDS });
          const capacity = await run({ rate: 0, seconds: SECONDS });
          rate ||= Math.round(COMMON_LOAD * capacity.throughput);
          return { capacity, common: await run({ rate, seconds: SECONDS }) };
        });
        measured[index]?.push(both);
      }
    }
    const rows = configurations.map((batching, index) => summary(batching, measured[index] ?? []));
    return { rate, rows, best: bestOf(rows) };
  } finally {
    await world.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of those that answer every request and are about as quick as the quickest: the one that answers most. */
export function bestOf(rows: readonly Swept[]): Swept {
  const whole = rows.filter(({ success }) => success === 1);
  const quickest = Math.min(...whole.map(({ p95 }) => p95));
  const quick = whole.filter(({ p95 }) => p95 <= PATIENCE * quickest);
  const best = quick.toSorted((a, b) => b.throughput - a.throughput)[0];
  if (best === undefined) throw new Error("no configuration answered every request: run it again alone");
  return best;
}

function summary(
  batching: Batching,
  rounds: readonly { readonly capacity: Attacked; readonly common: Attacked }[],
): Swept {
  const mean = (numbers: readonly number[]): number =>
    numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  return {
    batching,
    throughput: mean(rounds.map(({ capacity }) => capacity.throughput)),
    p50: mean(rounds.map(({ common }) => common.p50)),
    p95: mean(rounds.map(({ common }) => common.p95)),
    success: Math.min(...rounds.flatMap(({ capacity, common }) => [capacity.success, common.success])),
  };
}

function nameOf({
  maxBatchSize,
  preferredBatchSizes,
  maxQueueDelayMicroseconds,
  instances,
}: Batching): string {
  const preferred = preferredBatchSizes === undefined ? "" : ` (${preferredBatchSizes.join(", ")})`;
  return `${maxBatchSize}${preferred} | ${maxQueueDelayMicroseconds} | ${instances}`;
}

/** The table, the best configuration, and whether it is the one that deployments write. */
export function sweepReport({ rate, rows, best }: Sweep): string {
  const lines = rows.map(
    ({ batching, throughput, p50, p95, success }) =>
      `| ${nameOf(batching)} | ${throughput.toFixed(0)} | ${p50.toFixed(2)} | ${p95.toFixed(2)} | ${(100 * success).toFixed(1)} % |`,
  );
  const same = nameOf(best.batching) === nameOf(chosen.python);
  return [
    `| batch at most (preferred) | wait us | instances | a second | P50 ms | P95 ms at ${rate} a second | success |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    `Best: ${nameOf(best.batching)}. ${same ? "Deployments write this." : `Deployments write ${nameOf(chosen.python)}: see packages/registry/triton/tritonModel.ts.`}`,
  ].join("\n");
}
