import { spawn } from "node:child_process";
import { exec } from "../lib/exec.ts";
import { projectRoot } from "../lib/paths.ts";
import type { StackOutputs } from "./summary.ts";

/** Runs the CLI with this terminal, `env` added to the environment, and returns its exit status. */
export function pulumi(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn("pulumi", args, {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    stdio: "inherit",
  });
  // Ctrl-C reaches the CLI too (same process group), which cancels in good order; this process waits.
  const wait = (): void => {};
  process.on("SIGINT", wait);
  child.on("error", reject);
  child.on("close", (code) => {
    process.off("SIGINT", wait);
    resolve(code ?? 1);
  });
  return promise;
}

/** The plain outputs of the local stack. */
export async function readOutputs(): Promise<StackOutputs> {
  const result = await exec("pulumi", ["stack", "output", "--json", "--stack", "local"], {
    cwd: projectRoot,
  });
  return JSON.parse(result.stdout) as StackOutputs;
}
