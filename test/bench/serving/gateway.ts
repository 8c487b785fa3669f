/**
 * What the gateway adds in front of a server of fixed latency, open loop at half of the server's saturation, and what it
 * passes at most. Part of `make bench-serving`; alone: node test/bench/serving/gateway.ts
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
import { pin } from "./pin.ts";

/** Servers on one core, the generator and the gateway on the other. */
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

/** P95 through the gateway and direct at half of the stub's saturation, and the gateway's own throughput. */
async function measureGateway(group: ProcessGroup, api: Api) {
  const port = await freePort();
  const script = fileURLToPath(new URL("stub.ts", import.meta.url));
  const start = (slots: number): ChildProcess =>
    spawn(process.execPath, [script, String(port), String(stub.latencyMs), String(slots)], {
      stdio: "inherit",
    });
  let child = start(stub.slots);
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
    const half = Math.round(((1000 / stub.latencyMs) * stub.slots) / 2);
    const open = { rate: half, connections: 1_000, seconds: SECONDS / 2, core: OTHER_CORE };
    await attack(through, { ...open, seconds: 3 });
    const atHalf: { direct: Attacked; gateway: Attacked }[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      atHalf.push({ direct: await attack(direct, open), gateway: await attack(through, open) });
    }
    child.kill();
    await new Promise((resolve) => child.once("exit", resolve));
    // Without a limit of its own, so that the gateway is what limits.
    child = start(100_000);
    await answers(...post(direct));
    const full = { rate: 0, connections: 256, seconds: SECONDS, core: OTHER_CORE };
    await attack(through, { ...full, seconds: 3 });
    return {
      api: api.name,
      atHalf,
      throughput: { direct: await attack(direct, full), gateway: await attack(through, full) },
    };
  } finally {
    child.kill();
    await group.end("gateway", "SIGTERM");
  }
}

export type GatewayMeasured = Awaited<ReturnType<typeof measureGateway>>;

/** Measures the gateway before a stub, by each API, with an object store of its own. */
export async function measureGateways(log: Log): Promise<GatewayMeasured[]> {
  const group = await startGroup(commonPorts);
  try {
    const measured: GatewayMeasured[] = [];
    for (const api of apis) {
      await publish(group.store, api.model, 1, { server: api.server, live: versionOf(api) });
      measured.push(await log.track(`measure the gateway, ${api.name}`, () => measureGateway(group, api)));
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
export function gatewayLine({ api, atHalf, throughput }: GatewayMeasured): string {
  const added = (of: "p50" | "p95"): string => {
    const differences = atHalf.map((pair) => pair.gateway[of] - pair.direct[of]).sort((a, b) => a - b);
    return `${(differences[Math.floor(PAIRS / 2)] ?? Number.NaN).toFixed(2)} ms at ${of.toUpperCase()}`;
  };
  const failed = atHalf.filter((pair) => pair.direct.success < 1 || pair.gateway.success < 1).length;
  return (
    `Gateway (${api}) before a stub of ${stub.latencyMs} ms at half of its saturation ` +
    `(${atHalf[0]?.direct.rate} a second): adds ${added("p50")}, ${added("p95")} (medians of ${PAIRS}; ` +
    `${failed} of them with failed requests); passes ${throughput.gateway.throughput.toFixed(0)} a second ` +
    `(the stub alone ${throughput.direct.throughput.toFixed(0)})`
  );
}

if (import.meta.main) {
  const loadBefore = loadavg()[0] ?? 0;
  for (const measured of await measureGateways(createLog())) console.log(gatewayLine(measured));
  console.log(`load before: ${loadBefore.toFixed(1)}`);
}
