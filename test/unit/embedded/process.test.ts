import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { findBinaries } from "../../../tools/embedded/binaries.ts";
import type { Layout } from "../../../tools/embedded/layout.ts";
import {
  logFile,
  logTail,
  type ProcessSpec,
  processState,
  runsAs,
  startProcess,
  stopProcess,
} from "../../../tools/embedded/process.ts";
import { waitReady } from "../../../tools/embedded/wait.ts";
import { isSameProcess, processIdentity } from "../../../tools/lib/processIdentity.ts";
import { newCluster } from "./fixtures.ts";

function shell(script: string, extra: Partial<ProcessSpec> = {}): ProcessSpec {
  return { name: "part", command: "/bin/sh", args: ["-c", script], env: {}, inputs: [], ...extra };
}

async function started(layout: Layout, spec: ProcessSpec): Promise<void> {
  await startProcess(layout, spec);
  onTestFinished(() => stopProcess(layout, spec.name));
}

function pidOf(layout: Layout): number {
  const state = processState(layout, "part");
  if (state.kind !== "running") throw new Error(`part is ${state.kind}`);
  return state.pid;
}

describe("a process", () => {
  it("is recorded as this machine tells processes apart, runs on, and is stopped", async () => {
    const layout = newCluster();
    await started(layout, shell("exec sleep 60"));
    const pid = pidOf(layout);
    const [recorded, identity] = readFileSync(join(layout.run, "part.pid"), "utf8").trim().split(" ");
    expect(recorded).toBe(String(pid));
    expect(identity).toBe(processIdentity(pid));
    await stopProcess(layout, "part");
    expect(processIdentity(pid)).toBeUndefined();
    expect(processState(layout, "part")).toEqual({ kind: "stopped" });
  });

  it("that ignores SIGTERM is killed", async () => {
    const layout = newCluster();
    await started(layout, shell('trap "" TERM; echo up; while :; do sleep 1; done'));
    const pid = pidOf(layout);
    await vi.waitUntil(() => logTail(layout, "part").includes("up"));
    await stopProcess(layout, "part", 300);
    expect(processIdentity(pid)).toBeUndefined();
  });

  it("that ends by itself is a crash with its reason and the end of its log", async () => {
    const layout = newCluster();
    await started(layout, shell("echo out of luck; exit 3"));
    await vi.waitUntil(() => existsSync(join(layout.run, "part.exit")));
    expect(processState(layout, "part")).toEqual({ kind: "crashed", reason: "exit status 3" });
    expect(logTail(layout, "part")).toContain("out of luck");
    await expect(waitReady(layout, "part", () => Promise.resolve("not yet"))).rejects.toThrow(
      /part does not run: exit status 3.*out of luck/s,
    );
  });

  it("that is killed names the signal", async () => {
    const layout = newCluster();
    await started(layout, shell("exec sleep 60"));
    process.kill(pidOf(layout), "SIGKILL");
    await vi.waitUntil(() => existsSync(join(layout.run, "part.exit")));
    expect(processState(layout, "part")).toEqual({ kind: "crashed", reason: "ended by SIGKILL" });
  });

  it("runs as described until arguments, environment or an input file change", async () => {
    const layout = newCluster();
    const input = join(layout.dir, "input");
    writeFileSync(input, "1");
    const spec = shell("exec sleep 60", { inputs: [input], env: { A: "1" } });
    await started(layout, spec);
    expect(runsAs(layout, spec)).toBe(true);
    expect(runsAs(layout, { ...spec, args: ["-c", "exec sleep 61"] })).toBe(false);
    expect(runsAs(layout, { ...spec, env: { A: "2" } })).toBe(false);
    writeFileSync(input, "2");
    expect(runsAs(layout, spec)).toBe(false);
  });

  it("inherits no secret of who starts it", async () => {
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "hush-hush");
    const layout = newCluster();
    await started(layout, shell("env; echo done; exec sleep 60"));
    await vi.waitUntil(() => logTail(layout, "part").includes("done"));
    expect(readFileSync(logFile(layout, "part"), "utf8")).not.toContain("hush-hush");
  });

  it("whose id was given to another process meanwhile is not running, and the other is not touched", async () => {
    const layout = newCluster();
    const bystander = spawn("sleep", ["60"]);
    onTestFinished(() => void bystander.kill());
    const pid = bystander.pid ?? 0;
    const identity = await vi.waitUntil(() => processIdentity(pid));
    writeFileSync(join(layout.run, "part.pid"), `${pid} some-earlier-process\n`);
    expect(processState(layout, "part").kind).toBe("crashed");
    await stopProcess(layout, "part");
    expect(isSameProcess(pid, identity)).toBe(true);
  });

  it("that is never ready is named with the last reason", async () => {
    const layout = newCluster();
    await started(layout, shell("exec sleep 60"));
    const check = () => Promise.reject(new Error("connection refused"));
    await expect(waitReady(layout, "part", check, 100)).rejects.toThrow(
      /part is not ready after 0.1 s: connection refused/,
    );
  });
});

describe("findBinaries", () => {
  it("names all that are missing and how to get them", () => {
    expect(() => findBinaries(["sh", "no-such-etcd", "no-such-kwok"])).toThrow(
      /no-such-etcd, no-such-kwok.*make setup/,
    );
    expect(findBinaries(["sh"]).sh).toMatch(/^\//);
  });
});
