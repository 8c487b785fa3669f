import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { projectRoot } from "../../../tools/lib/paths.ts";

const runner = join(projectRoot, "packages", "runner", "process.ts");
const patience = { timeout: 20_000, interval: 20 };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "mlops-guard-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A process that runs a step which never ends, with a child that does not either; the step's pids are in a file. */
function startRunner(trap: string): ReturnType<typeof spawn> {
  // It tells of itself once it has been there for a while: in the very moment of its start nobody guards it yet.
  const step = `${trap} sleep 1000 & sleep 1; echo $$ $! >${dir}/pids; wait; sleep 1000`;
  const program = `
    import { runProcess } from ${JSON.stringify(runner)};
    const request = { command: "sh", args: ["-c", ${JSON.stringify(step)}], cwd: ${JSON.stringify(dir)},
      env: { PATH: process.env.PATH }, log: ${JSON.stringify(join(dir, "log"))}, secrets: [], graceMs: 1000 };
    await runProcess(request, new AbortController().signal);`;
  writeFileSync(join(dir, "runner.mjs"), program);
  return spawn(process.execPath, [join(dir, "runner.mjs")], { stdio: "ignore" });
}

async function stepPids(): Promise<number[]> {
  await vi.waitFor(() => expect(readFileSync(join(dir, "pids"), "utf8")).toMatch(/\d+ \d+\n/), patience);
  return readFileSync(join(dir, "pids"), "utf8").trim().split(" ").map(Number);
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

it.each([
  ["", "ends"],
  ["trap '' TERM;", "is ended, if it does not care,"],
])("a step (%s) %s with its runner, even when that is killed", { timeout: 60_000 }, async (trap) => {
  const running = startRunner(trap);
  const pids = await stepPids();
  expect(pids.map(lives)).toEqual([true, true]);
  running.kill("SIGKILL");
  await vi.waitFor(() => expect(pids.map(lives)).toEqual([false, false]), patience);
});
