/**
 * What the gateway adds in front of a server of fixed latency, open loop at half of the server's saturation, and what it
 * passes at most. Part of `make bench-serving`; alone: node test/bench/serving/gateway.ts
 *
 * The gateway has a core of its own; the generator and the stub share the other one, direct and through the gateway, so
 * that what they take from each other is in both. The saturation is measured, by the same generator. For the latencies
 * all three run with real-time priority where the user may: what other processes of the machine take is not the
 * gateway's, and with 2 cores it is most of a P95. Nothing else is taken out: the gateway's polling, probing and garbage
 * collection are in. Throughput is measured at ordinary priority, because the system holds real-time processes back
 * that leave nothing to others.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { type ServedVersion, type Server, servedName, versionPrefix } from "@mlops/registry";
import { createLog, type Log } from "../../../tools/lib/log.ts";
import { gatewaySpec, type ModelServers } from "../../../tools/serving/specs.ts";
import {
  commonPorts,
  freePort,
  type ProcessGroup,
  startGroup,
} from "../../pipelines/serving/processGroup.ts";
import { publish } from "../../pipelines/serving/world.ts";
import { type Attacked, attack, type Target } from "./attack.ts";
import { mayPrioritise, pin, prioritise } from "./pin.ts";

/** Servers on one core; on the other the gateway, and the generator where it is not measured with the stub. */
export const SERVER_CORE = 0;
export const OTHER_CORE = 1;
export const SECONDS = 10;
/** Runs direct and through the gateway, in turn; the median difference counts. */
const PAIRS = 5;
/** 16 slots of 20 ms answer 800 requests a second. */
export const stub = { latencyMs: 20, slots: 16 };

const json = { "content-type": "application/json" };

/** Waits until a URL answers with success. */
export async function answers(url: string, init: RequestInit = {}, limitMs = 120_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const ok = await fetch(url, init).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (performance.now() > deadline) throw new Error(`${url} does not answer after ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How the gateway is measured: one of the APIs that it serves. */
interface Api {
  readonly name: string;
  readonly model: string;
  readonly server: Server;
  readonly servers: (url: string) => ModelServers;
  /** Path and body of a request to the server, and of the same request to the gateway. */
  readonly direct: readonly [path: string, body: object];
  readonly through: readonly [path: string, body: object];
}

const prompt = { prompt: "What does the documentation say? ".repeat(20), max_tokens: 64 };
const apis: readonly Api[] = [
  {
    name: "KServe v2",
    model: "digits",
    server: "triton",
    servers: (url) => ({ triton: [url] }),
    direct: ["/v2/models/digits-v1/infer", { inputs: [] }],
    through: ["/v2/models/digits/infer", { inputs: [] }],
  },
  {
    name: "OpenAI",
    model: "docs",
    server: "vllm",
    servers: (url) => ({ vllm: [url] }),
    direct: ["/v1/completions", { model: "docs-v1", ...prompt }],
    through: ["/v1/completions", { model: "docs-live", ...prompt }],
  },
];

function startStub(port: number, slots: number): ChildProcess {
  const script = fileURLToPath(new URL("stub.ts", import.meta.url));
  const args = [script, String(port), String(stub.latencyMs), String(slots)];
  return spawn(process.execPath, args, { stdio: "inherit" });
}

/** Latencies through the gateway and direct at half of the stub's saturation, and the throughput of both. */
async function measureGateway(group: ProcessGroup, api: Api, prioritised: boolean) {
  const port = await freePort();
  // Without a limit of its own, so that the gateway is what limits.
  let child = startStub(port, 100_000);
  const server = `http://127.0.0.1:${port}`;
  const ports = { http: await freePort(), admin: await freePort() };
  const gateway = `http://127.0.0.1:${ports.http}`;
  group.add({
    spec: gatewaySpec("gateway", group.minio, api.servers(server), ports),
    ready: `${gateway}/v2/health/ready`,
  });
  await group.start("gateway");
  const target = (url: string, [path, body]: Api["direct"]): Target => {
    return { url: `${url}${path}`, body: JSON.stringify(body), headers: json };
  };
  const direct = target(server, api.direct);
  const through = target(gateway, api.through);
  const post = ({ url, headers, body }: Target) => [url, { method: "POST", headers, body }] as const;
  try {
    await answers(...post(through));
    await pin(child.pid ?? 0, SERVER_CORE);
    await pin(group.pid("gateway"), OTHER_CORE);
    const full = { rate: 0, connections: 256, seconds: SECONDS, core: SERVER_CORE };
    await attack(through, { ...full, seconds: 3 });
    const throughput = { direct: await attack(direct, full), gateway: await attack(through, full) };
    child.kill();
    await new Promise((resolve) => child.once("exit", resolve));
    child = startStub(port, stub.slots);
    await answers(...post(through));
    await pin(child.pid ?? 0, SERVER_CORE);
    if (prioritised) for (const pid of [child.pid ?? 0, group.pid("gateway")]) await prioritise(pid);
    const shared = { seconds: SECONDS / 2, core: SERVER_CORE, prioritised };
    const saturated = await attack(direct, { ...shared, rate: 0, connections: 4 * stub.slots });
    const open = { ...shared, rate: Math.round(saturated.throughput / 2), connections: 1_000 };
    await attack(through, { ...open, seconds: 3 });
    const atHalf: { direct: Attacked; gateway: Attacked }[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      atHalf.push({ direct: await attack(direct, open), gateway: await attack(through, open) });
    }
    return { api: api.name, prioritised, saturation: saturated.throughput, atHalf, throughput };
  } finally {
    child.kill();
    await group.end("gateway", "SIGTERM");
  }
}

export type GatewayMeasured = Awaited<ReturnType<typeof measureGateway>>;

/** Measures the gateway before a stub, by each API, with an object store of its own. */
export async function measureGateways(log: Log): Promise<GatewayMeasured[]> {
  const group = await startGroup(commonPorts);
  const prioritised = await mayPrioritise();
  try {
    const measured: GatewayMeasured[] = [];
    for (const api of apis) {
      await publish(group.store, api.model, 1, { server: api.server, live: versionOf(api) });
      measured.push(
        await log.track(`measure the gateway, ${api.name}`, () => measureGateway(group, api, prioritised)),
      );
    }
    return measured;
  } finally {
    await group.destroy();
  }
}

/** The stub has it, whatever it is. */
function versionOf({ model, server }: Api): ServedVersion {
  const name = servedName(model, 1);
  return {
    version: 1,
    servedName: name,
    artifact: { prefix: versionPrefix(server, name), sha256: "0".repeat(64) },
    source: { runId: "bench", registeredModel: model, registeredVersion: "1" },
  };
}

/** What was measured, in a sentence. */
export function gatewayLine({ api, prioritised, saturation, atHalf, throughput }: GatewayMeasured): string {
  const added = (of: "p50" | "p95" | "p99"): string => {
    const differences = atHalf.map((pair) => pair.gateway[of] - pair.direct[of]).sort((a, b) => a - b);
    return `${(differences[Math.floor(PAIRS / 2)] ?? Number.NaN).toFixed(2)} ms at ${of.toUpperCase()}`;
  };
  const failed = atHalf.filter((pair) => pair.direct.success < 1 || pair.gateway.success < 1).length;
  return (
    `Gateway (${api}) before a stub of ${stub.latencyMs} ms at half of its saturation ` +
    `(${atHalf[0]?.direct.rate} of ${saturation.toFixed(0)} a second): ` +
    `adds ${added("p50")}, ${added("p95")}, ${added("p99")} (medians of ${PAIRS}; ` +
    `${failed} of them with failed requests; ${prioritised ? "with" : "without"} real-time priority); ` +
    `passes ${throughput.gateway.throughput.toFixed(0)} a second ` +
    `(the stub alone ${throughput.direct.throughput.toFixed(0)})`
  );
}

if (import.meta.main) {
  const loadBefore = loadavg()[0] ?? 0;
  for (const measured of await measureGateways(createLog())) console.log(gatewayLine(measured));
  console.log(`load before: ${loadBefore.toFixed(1)}`);
}
