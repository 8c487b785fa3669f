import { spawn } from "node:child_process";

const DRAIN_MS = 5_000;

/** How a command ended. */
export interface CommandResult {
  /** Exit status; -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  /** Standard output and error in the order in which they came. */
  readonly output: string;
}

/** A command that runs in a process group of its own. */
export interface RunningCommand {
  readonly ended: Promise<CommandResult>;
  /** What it has said so far. */
  output(): string;
  /** SIGKILL to the whole group, as when a terminal or a CI job dies. */
  killGroup(): void;
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds after which the group is killed. */
  readonly limitMs: number;
}

/** Starts a shell command. A command that exceeds its time is killed and said so at the end of its output. */
export function startCommand(command: string, options: CommandOptions): RunningCommand {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const child = spawn("/bin/sh", ["-c", command], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let stdout = "";
  const take = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    take(text);
  });
  child.stderr.setEncoding("utf8").on("data", take);

  const killGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const timer = setTimeout(() => {
    take(`\n[killed after ${options.limitMs / 1000} s: ${command}]\n`);
    killGroup();
  }, options.limitMs);
  const finish = (code: number | null): void => {
    clearTimeout(timer);
    resolve({ code: code ?? -1, stdout, output });
  };
  child.on("error", reject);
  child.on("close", finish);
  // What outlives a killed command may keep the pipes open for long.
  child.on("exit", (code) => setTimeout(finish, DRAIN_MS, code).unref());
  return { ended: promise, output: () => output, killGroup };
}
