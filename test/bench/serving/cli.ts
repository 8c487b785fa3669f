/**
 * Measures serving, all in one run on the same cores: the digits model on Triton, direct and through the gateway,
 * against the same ONNX model behind MLflow's own server; and what the gateway adds in front of a server of fixed
 * latency. Prints a table and writes bench-serving.json. With --sweep it measures Triton's dynamic batching instead.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { createLog } from "../../../tools/lib/log.ts";
import { ensureTraining } from "../../../tools/training/environment.ts";
import { freePort } from "../../pipelines/serving/processGroup.ts";
import { startServingWorld } from "../../pipelines/serving/world.ts";
import { type Attacked, attack, type Target } from "./attack.ts";
import { binaryTarget, deployDigits, jsonTarget, model, trainDigits } from "./digits.ts";
import { answers, gatewayLine, measureGateways, OTHER_CORE, SECONDS, SERVER_CORE, stub } from "./gateway.ts";
import { pin } from "./pin.ts";
import { sweepBatching, sweepReport } from "./sweep.ts";

const CONNECTIONS = 32;
const json = { "content-type": "application/json" };
const log = createLog();

interface Row {
  readonly name: string;
  readonly capacity: Attacked;
  /** At half of MLflow's capacity, the same rate for all. */
  readonly common: Attacked;
  /** At half of its own capacity. */
  readonly half: Attacked;
}

async function measureRow(name: string, target: Target, commonRate: number | undefined): Promise<Row> {
  const run = (rate: number): Promise<Attacked> =>
    attack(target, {
      rate,
      connections: rate === 0 ? CONNECTIONS : 1_000,
      seconds: SECONDS,
      core: OTHER_CORE,
    });
  return log.track(`measure ${name}`, async () => {
    await attack(target, { rate: 100, connections: CONNECTIONS, seconds: 2, core: OTHER_CORE });
    const capacity = await run(0);
    const half = await run(Math.round(capacity.throughput / 2));
    const common = await run(commonRate ?? Math.round(capacity.throughput / 2));
    return { name, capacity, half, common };
  });
}

async function startMlflow(python: string, model: string): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort();
  const args = ["-m", "mlflow", "models", "serve", "-m", model, "-p", String(port), "-h", "127.0.0.1"];
  const child = spawn(python, [...args, "--env-manager", "local", "--workers", "1"], {
    // Its server is found by PATH.
    env: { ...process.env, PATH: `${dirname(python)}:${process.env.PATH}`, MLFLOW_DISABLE_TELEMETRY: "true" },
    stdio: "ignore",
    detached: true,
  });
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/ping`);
  return { child, url };
}

function line(name: string, attacked: Attacked): string {
  const { throughput, p50, p95, p99, success } = attacked;
  const numbers = [throughput.toFixed(0), p50.toFixed(1), p95.toFixed(1), p99.toFixed(1)];
  return `| ${name} | ${numbers.join(" | ")} | ${(100 * success).toFixed(1)} % |`;
}

const python = await ensureTraining(log);
if (process.argv.includes("--sweep")) {
  const sweep = await sweepBatching(log, python);
  console.log(`\n${sweepReport(sweep)}`);
  process.exit();
}
const { folder, onnx, sample } = await trainDigits(log, python);
const loadBefore = loadavg()[0] ?? 0;
const world = await startServingWorld();
let mlflow: { child: ChildProcess; url: string } | undefined;
try {
  const { servedName } = await deployDigits(world, onnx, 1);
  await world.end("triton-1", "SIGTERM");
  mlflow = await startMlflow(python, join(folder, "mlflow"));
  await pin(world.pid("triton-0"), SERVER_CORE);
  await pin(mlflow.child.pid ?? 0, SERVER_CORE);
  await pin(world.pid("gateway"), OTHER_CORE);
  await answers(`${world.urls.gateway}/v2/models/${model}/ready`);
  const mlflowBody = JSON.stringify({ inputs: [sample] });
  const direct = `${world.urls["triton-0"]}/v2/models/${servedName}/infer`;
  const through = `${world.urls.gateway}/v2/models/${model}/infer`;
  const base = await measureRow(
    "MLflow's server",
    { url: `${mlflow.url}/invocations`, body: mlflowBody, headers: json },
    undefined,
  );
  const rate = base.common.rate;
  const rows = [
    base,
    await measureRow("Triton", jsonTarget(direct, sample), rate),
    await measureRow("Triton through the gateway", jsonTarget(through, sample), rate),
    await measureRow("Triton, binary", binaryTarget(direct, sample), rate),
    await measureRow("Triton through the gateway, binary", binaryTarget(through, sample), rate),
  ];
  const gateways = await measureGateways(log);
  const report = {
    cores: cpus().length,
    loadBefore,
    seconds: SECONDS,
    connections: CONNECTIONS,
    rows,
    stub,
    gateways,
  };
  writeFileSync("bench-serving.json", `${JSON.stringify(report, undefined, 2)}\n`);
  const table = (title: string, pick: (row: Row) => Attacked): void => {
    const head = `| ${title} | answered a second | P50 ms | P95 ms | P99 ms | success |`;
    console.log(`\n${head}\n| --- | --- | --- | --- | --- | --- |`);
    for (const row of rows) console.log(line(row.name, pick(row)));
  };
  table(`as fast as ${CONNECTIONS} connections go`, ({ capacity }) => capacity);
  table(`open loop, ${rate} a second`, ({ common }) => common);
  table("open loop, half of its own capacity", ({ half }) => half);
  const ratio = (row: Row | undefined): string =>
    `${((row?.capacity.throughput ?? 0) / base.capacity.throughput).toFixed(1)} times MLflow's server`;
  console.log(
    `\nTriton: ${ratio(rows[1])}; through the gateway: ${ratio(rows[2])}; binary: ${ratio(rows[3])}`,
  );
  for (const measured of gateways) console.log(gatewayLine(measured));
  if (loadBefore > 1)
    console.log(`The machine was busy before (load ${loadBefore.toFixed(1)}): run it again alone.`);
} finally {
  if (mlflow?.child.pid !== undefined) process.kill(-mlflow.child.pid, "SIGTERM");
  await world.destroy();
  rmSync(folder, { recursive: true, force: true });
}
