import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { vllmPython } from "../../../tools/serving/vllmEnvironment.ts";
import { type Services, startServices } from "../services.ts";
import { World } from "./world.ts";

const script = join(import.meta.dirname, "../../../apps/steps/benchmark/measure_performance.py");

let services: Services;
let world: World;
let python: string;

beforeAll(async () => {
  python = await vllmPython();
  services = await startServices({ mlflow: true });
  Object.assign(process.env, services.environment);
  world = await World.start(services, "measured");
  await world.promote(await world.stage(await world.train()));
});

afterAll(async () => {
  await world?.close();
  await services?.dispose();
});

/** vLLM's own benchmark against the stub; the path of what it wrote. */
async function measure(
  flags: readonly string[] = [],
): Promise<{ code: number | null; log: string; path: string }> {
  const path = `/loads-${flags.length}-${Date.now()}.json`;
  const argv = ["--model", "measured", "--candidate", "measured-v2", "--live", "measured-v1"];
  const size = ["--samples", world.samples(100), "--prompts", "200", "--slices", "4", "--output-loads", path];
  const machine = '{"cores":1,"memory_gib":3,"accelerator":null,"accelerators":0}';
  const child = spawn(python, [script, ...argv, ...size, ...flags], {
    env: { ...process.env, ...world.environment(), MLOPS_LLM_MACHINE: machine, HF_HUB_OFFLINE: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, log, path };
}

it("a slow candidate is measured as slow by vLLM's benchmark, a stream that broke off as one failure", async () => {
  const version = await world.stage(await world.train());
  world.serving.tokenDelayMs = (name) => (name === "measured-v2" ? 60 : 15);
  world.serving.breaksOff = (name, streams) => name === "measured-v2" && streams === 20;
  const { code, log, path } = await measure();
  expect(code, log).toBe(0);
  const slices = [...log.matchAll(/slice \d+, (measured-v\d)/g)].map(([, name]) => name);
  const [candidate, live] = ["measured-v2", "measured-v1"];
  expect(slices).toEqual([candidate, live, live, candidate, candidate, live, live, candidate]);
  const flags = { model: "measured", version, samples: world.samples(100) };
  const gate = await world.run("gate-performance", { ...flags, loads: path }, ["verdict"]);
  expect(gate.outputs.verdict).toBe("failed");
  expect(gate.log).toContain("success: passed: 199 of 200 requests");
  const ratio = Number(/latency P95 against live: failed: .*, ([\d.]+) times/.exec(gate.log)?.[1]);
  expect(ratio).toBeGreaterThan(2);
});

it("what is not candidate and live is not measured", async () => {
  const { code, log } = await measure(["--candidate", "measured-v7"]);
  expect(code).toBe(2);
  expect(log).toContain("measured-candidate was answered by measured-v2, not by measured-v7");
});
