import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export type StreamName = "stdout" | "stderr";

export interface ProcessSpec {
  readonly command: string;
  /** Program and arguments that take the command as the last argument; the system's shell when empty. */
  readonly interpreter: readonly string[];
  /** Working directory; the one of this process when absent. */
  readonly dir: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly onLine: (stream: StreamName, line: string) => void;
}

/** What a process wrote and how it ended: with an exit code, or by a signal. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly cancelled: boolean;
}

const graceMilliseconds = 3_000;
const shell = process.platform === "win32" ? ["cmd", "/C"] : ["/bin/sh", "-c"];
const running = new Map<ChildProcess, { cancelled: boolean }>();

/** Ends every running command. What a command started in its turn dies when the engine closes this plugin. */
export function cancelRunning(): void {
  for (const [child, state] of running) {
    state.cancelled = true;
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), graceMilliseconds).unref();
  }
}

/** One newline at the end is the shell's habit and no part of a value, as in the real plugin. */
function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8").replace(/\n$/, "");
}

function collect(stream: Readable, name: StreamName, onLine: ProcessSpec["onLine"]): Buffer[] {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  createInterface({ input: stream }).on("line", (line) => onLine(name, line));
  return chunks;
}

function startError(program: string, error: NodeJS.ErrnoException): Error {
  if (error.code === "ENOENT") return new Error(`cannot run ${program}: not found`);
  const hint = error.code === "E2BIG" ? " (set addPreviousOutputInEnv to false if the output is long)" : "";
  return new Error(`cannot run ${program}: ${error.message}${hint}`);
}

/** Runs a command to its end, all output read. Rejects only when it could not be started. */
export function runProcess(spec: ProcessSpec): Promise<Ended> {
  const { dir, onLine, stdin } = spec;
  const [program, ...args] = [...(spec.interpreter.length > 0 ? spec.interpreter : shell), spec.command];
  if (program === undefined) throw new Error("no program to run");
  if (dir !== undefined && !existsSync(dir)) throw new Error(`dir ${dir} does not exist`);

  const options: SpawnOptions = {
    env: { ...process.env, ...spec.environment },
    stdio: [stdin === "" ? "ignore" : "pipe", "pipe", "pipe"],
    ...(dir !== undefined && { cwd: dir }),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options);
    const state = { cancelled: false };
    running.set(child, state);
    // A command need not read its input to the end.
    child.stdin?.on("error", () => {}).end(stdin);
    const stdout = collect(child.stdout as Readable, "stdout", onLine);
    const stderr = collect(child.stderr as Readable, "stderr", onLine);

    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      running.delete(child);
      resolve({ stdout: text(stdout), stderr: text(stderr), code, signal, ...state });
    };
    child.on("error", (error) => {
      running.delete(child);
      reject(startError(program, error));
    });
    child.on("close", end);
    // A cancelled command's descendants may hold its output open for long; nobody waits for that any more.
    child.on("exit", (code, signal) => state.cancelled && end(code, signal));
  });
}
