import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isSameProcess } from "../lib/processIdentity.ts";
import { readIfExists, writePrivate } from "./files.ts";
import type { Layout } from "./layout.ts";

/** A long-running process of the cluster. */
export interface ProcessSpec {
  readonly name: string;
  /** Absolute path of the executable, links resolved. */
  readonly command: string;
  /** Never a secret: every user of the machine can read it. */
  readonly args: readonly string[];
  /** The process's environment beside PATH and HOME; other users cannot read it. */
  readonly env: Readonly<Record<string, string>>;
  /** Files that the process reads once at its start: if one changes, the process is started again. */
  readonly inputs: readonly string[];
}

/** How a process is doing. */
export type ProcessState =
  | { readonly kind: "running"; readonly pid: number }
  | { readonly kind: "crashed"; readonly reason: string }
  | { readonly kind: "stopped" };

const supervisor = fileURLToPath(new URL("supervise.sh", import.meta.url));
const STOP_MS = 10_000;
const KILL_MS = 10_000;
const TAIL_LINES = 10;
const LOG_BYTES = 8 << 20;

/** The log of a process: its output of all starts, newest last. */
export function logFile(layout: Layout, name: string): string {
  return join(layout.logs, `${name}.log`);
}

/**
 * Starts a process that outlives this one. Its id is recorded by its supervisor and not by this process,
 * which may be killed at any moment.
 */
export async function startProcess(layout: Layout, spec: ProcessSpec): Promise<void> {
  const record = recordOf(layout, spec.name);
  for (const suffix of ["pid", "exit"]) rmSync(`${record}.${suffix}`, { force: true });
  writePrivate(`${record}.spec`, digest(spec));
  const log = logFile(layout, spec.name);
  if (existsSync(log) && statSync(log).size > LOG_BYTES) renameSync(log, `${log}.1`);
  const output = openSync(log, "a", 0o600);
  try {
    const child = spawn("/bin/sh", [supervisor, record, spec.command, ...spec.args], {
      cwd: layout.dir,
      // Nothing else is inherited: no passphrase, no proxy, no other cluster's kubeconfig. The home folder is
      // the cluster's own, because KWOK would add the stages it finds in the user's.
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: layout.dir, ...spec.env },
      detached: true,
      stdio: ["ignore", output, output],
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
  } finally {
    closeSync(output);
  }
  const recorded = (): boolean => existsSync(`${record}.pid`);
  for (let waited = 0; !recorded() && waited < 5_000; waited += 10) await sleep(10);
  if (!recorded()) throw crashError(layout, spec.name, "it could not be started");
}

/** Whether the process runs, and runs what `spec` says. */
export function runsAs(layout: Layout, spec: ProcessSpec): boolean {
  const running = processState(layout, spec.name).kind === "running";
  return running && readIfExists(`${recordOf(layout, spec.name)}.spec`) === digest(spec);
}

export function processState(layout: Layout, name: string): ProcessState {
  const record = recordOf(layout, name);
  const recorded = readRecord(record);
  if (recorded === undefined) {
    // A start that was killed between the two leaves a spec without a process.
    return { kind: "stopped" };
  }
  if (isSameProcess(recorded.pid, recorded.identity)) return { kind: "running", pid: recorded.pid };
  return { kind: "crashed", reason: exitReason(readIfExists(`${record}.exit`)) };
}

/**
 * Ends a process: SIGTERM, after `limitMs` SIGKILL. Only the very process that was recorded is signalled.
 *
 * @throws Error if it does not end even then.
 */
export async function stopProcess(layout: Layout, name: string, limitMs = STOP_MS): Promise<void> {
  const record = recordOf(layout, name);
  const recorded = readRecord(record);
  if (recorded !== undefined) {
    const ended =
      (await endsAfter(recorded, "SIGTERM", limitMs)) || (await endsAfter(recorded, "SIGKILL", KILL_MS));
    if (!ended) {
      const who = `${name} (process ${recorded.pid})`;
      throw new Error(`${who} did not end after SIGKILL; the disk it waits for may be broken`);
    }
  }
  for (const suffix of ["pid", "exit", "spec"]) rmSync(`${record}.${suffix}`, { force: true });
}

/** The last lines of a process's log, indented. */
export function logTail(layout: Layout, name: string): string {
  const lines = (readIfExists(logFile(layout, name)) ?? "").split("\n").filter((line) => line.trim() !== "");
  return lines.length === 0
    ? "  (empty)"
    : lines
        .slice(-TAIL_LINES)
        .map((line) => `  ${line}`)
        .join("\n");
}

/** The error for a process that ended by itself, with the end of its log. */
export function crashError(layout: Layout, name: string, reason: string): Error {
  return new Error(
    `${name} does not run: ${reason}. The end of its log ${logFile(layout, name)}:
${logTail(layout, name)}`,
  );
}

/** Signals the recorded process, and tells whether it ends in time. */
async function endsAfter(
  { pid, identity }: Recorded,
  signal: NodeJS.Signals,
  limitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  if (!isSameProcess(pid, identity)) return true;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  while (isSameProcess(pid, identity)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

function recordOf(layout: Layout, name: string): string {
  return join(layout.run, name);
}

interface Recorded {
  readonly pid: number;
  readonly identity: string;
}

function readRecord(record: string): Recorded | undefined {
  const [pid, ...identity] = (readIfExists(`${record}.pid`) ?? "").trim().split(" ");
  if (!pid || !Number.isInteger(Number(pid))) return undefined;
  return { pid: Number(pid), identity: identity.join(" ") };
}

/** Changes when the process would have to be started again to be what `spec` says. */
function digest(spec: ProcessSpec): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([spec.command, spec.args, Object.entries(spec.env).sort()]));
  for (const input of spec.inputs) hash.update(readFileSync(input));
  return hash.digest("hex");
}

function exitReason(status: string | undefined): string {
  if (status === undefined) return "it was ended together with its supervisor, or the machine was restarted";
  const code = Number(status);
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return code > 128 && signal !== undefined ? `ended by ${signal}` : `exit status ${code}`;
}
