import { spawn } from "node:child_process";

export interface ExecOptions {
  /** Working directory; default: this process's. */
  readonly cwd?: string;
  /** Variables added to this process's environment; `undefined` removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until the command is ended (SIGTERM, 5 s later SIGKILL). Default: no limit. */
  readonly timeoutMs?: number;
  /** Text written to the command's standard input; without it the input is empty. */
  readonly input?: string;
  /** Called for every whole line of stdout or stderr as it arrives, without the newline. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Values that must not appear in an error message (they are replaced by `[secret]`). */
  readonly secrets?: readonly string[];
  /** true: a non-zero exit status is returned, not thrown. A timeout or a failed start still throws. */
  readonly allowFailure?: boolean;
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that could not be started, exceeded its time, or exited with a status other than 0. */
export class ExecError extends Error {
  override readonly name = "ExecError";
  /** Exit status; undefined when the command was not started or was ended by a signal. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  constructor(message: string, code: number | undefined, stdout: string, stderr: string) {
    super(message);
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

const HEAD_LINES = 6;
const TAIL_LINES = 14;
const SECRET_NAME = /PASSPHRASE|PASSWORD|SECRET|TOKEN|ACCESS_KEY/;

/** The first 6 and last 14 non-empty lines of `text`, indented: some tools name the cause first, some last. */
export function excerpt(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const omitted = lines.length - HEAD_LINES - TAIL_LINES;
  if (omitted > 0) lines.splice(HEAD_LINES, omitted, `... ${omitted} lines ...`);
  return lines.map((line) => `  ${line}`).join("\n");
}

function redact(text: string, options: ExecOptions): string {
  const environment: Record<string, string | undefined> = { ...process.env, ...options.env };
  const named = Object.entries(environment).flatMap(([name, value]) =>
    SECRET_NAME.test(name) && value !== undefined && value.length >= 6 ? [value] : [],
  );
  return [...(options.secrets ?? []), ...named]
    .filter((value) => value !== "")
    .reduce((clean, value) => clean.replaceAll(value, "[secret]"), text);
}

function lineSplitter(emit: (line: string) => void): { write(chunk: string): void; end(): void } {
  let rest = "";
  return {
    write(chunk) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(emit);
    },
    end() {
      if (rest !== "") emit(rest);
    },
  };
}

/**
 * Runs `command` without a shell and returns its output.
 * Throws ExecError with the command line, the reason and an excerpt of its output, in which the
 * values of `secrets` and of environment variables named like secrets are replaced by `[secret]`.
 */
export function exec(
  command: string,
  args: readonly string[] = [],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  const splitters = (["stdout", "stderr"] as const).map((stream) => {
    const splitter = lineSplitter((line) => options.onLine?.(line, stream));
    child[stream].setEncoding("utf8").on("data", (chunk: string) => {
      output[stream] += chunk;
      splitter.write(chunk);
    });
    return splitter;
  });
  // A command that does not read its input closes the pipe; that is no error of ours.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");

  const fail = (reason: string, code?: number): void => {
    const shown = excerpt(output.stderr) || excerpt(output.stdout);
    const message = `${[command, ...args].join(" ")}: ${reason}${shown === "" ? "" : `\n${shown}`}`;
    reject(new ExecError(redact(message, options), code, output.stdout, output.stderr));
  };
  let timedOut = false;
  const timers: NodeJS.Timeout[] = [];
  if (options.timeoutMs !== undefined) {
    timers.push(
      setTimeout(() => {
        timedOut = true;
        child.kill("SIGTERM");
        timers.push(setTimeout(() => child.kill("SIGKILL"), 5_000));
      }, options.timeoutMs),
    );
  }
  const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
    timers.forEach(clearTimeout);
    for (const splitter of splitters) splitter.end();
    if (timedOut) fail(`took longer than ${(options.timeoutMs ?? 0) / 1000} s and was ended`);
    else if (code === null) fail(`ended by signal ${signal}`);
    else if (code !== 0 && !options.allowFailure) fail(`exit status ${code}`, code);
    else resolve({ code, ...output });
  };
  child.on("error", (error: NodeJS.ErrnoException) => {
    timers.forEach(clearTimeout);
    fail(error.code === "ENOENT" ? "command or working directory not found" : error.message);
  });
  child.on("close", finish);
  // A grandchild that inherited the pipes would hold back `close` after a timeout; do not wait for it.
  child.on("exit", (code, signal) => {
    if (timedOut) finish(code, signal);
  });
  return promise;
}
