import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { spawnGuarded } from "./guard.ts";

export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing of this process's own is added. */
  readonly env: Readonly<Record<string, string>>;
  /** File that gets both outputs, line by line. */
  readonly log: string;
  /** Text that must not reach the log. */
  readonly secrets: readonly string[];
  /** Seconds after which it is ended. */
  readonly deadline: number | undefined;
  /** Milliseconds between asking the process group to end and ending it. */
  readonly graceMs: number;
}

export interface ProcessResult {
  /** 128 and the signal's number, as a shell has it, for what a signal ended. */
  readonly exitCode: number;
  /** Why it was ended from outside. */
  readonly ended?: "deadline" | "stopped";
}

const signals: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
  SIGABRT: 6,
};

/**
 * Runs a command in a process group of its own, and ends the whole group with it: what a step leaves running in the
 * background goes when its container would. It also ends with this process, even when that is killed.
 *
 * @throws Error when the command cannot be started.
 */
export async function runProcess(request: ProcessRequest, stop: AbortSignal): Promise<ProcessResult> {
  const log = createWriteStream(request.log, { mode: 0o600 });
  const { child, release } = spawnGuarded(() =>
    spawn(request.command, [...request.args], {
      cwd: request.cwd,
      env: { ...request.env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
  for (const stream of [child.stdout, child.stderr]) copyLines(stream, log, request.secrets);
  let ended: ProcessResult["ended"];
  let kill: NodeJS.Timeout | undefined;
  const end = (because: NonNullable<ProcessResult["ended"]>): void => {
    ended ??= because;
    signalGroup(child, "SIGTERM");
    kill ??= setTimeout(() => signalGroup(child, "SIGKILL"), request.graceMs);
  };
  const onStop = (): void => end("stopped");
  stop.addEventListener("abort", onStop, { once: true });
  const deadline =
    request.deadline === undefined ? undefined : setTimeout(() => end("deadline"), request.deadline * 1000);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + (signals[signal ?? ""] ?? 0));
      // Its pipes stay open as long as anything that it started holds them.
      signalGroup(child, "SIGKILL");
      release();
    });
    if (stop.aborted) onStop();
    const exitCode = await promise;
    await closed(child);
    return { exitCode, ...(ended === undefined ? {} : { ended }) };
  } finally {
    clearTimeout(deadline);
    clearTimeout(kill);
    stop.removeEventListener("abort", onStop);
    log.end();
    await finished(log);
  }
}

function closed(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const open = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.readableEnded);
  let left = open.length;
  if (left === 0) resolve();
  for (const stream of open) {
    stream?.once("close", () => {
      left -= 1;
      if (left === 0) resolve();
    });
  }
  return promise;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The group has ended, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function copyLines(
  from: NodeJS.ReadableStream | null,
  to: NodeJS.WritableStream,
  secrets: readonly string[],
): void {
  let rest = "";
  from?.setEncoding("utf8");
  from?.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) to.write(`${redact(lines.join("\n"), secrets)}\n`);
  });
  from?.on("end", () => {
    if (rest !== "") to.write(`${redact(rest, secrets)}\n`);
  });
}

/** A text without the given secrets. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, "[secret]"), text);
}
