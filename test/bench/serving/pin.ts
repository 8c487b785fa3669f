import { readdirSync, readFileSync } from "node:fs";
import { exec } from "../../../tools/lib/exec.ts";

/** The lowest real-time priority: it is above all that have none. */
const PRIORITY = "1";

/** Binds a process, its threads and its descendants to one CPU. */
export async function pin(pid: number, core: number): Promise<void> {
  for (const one of [pid, ...descendants(pid)]) {
    await exec("taskset", ["-a", "-c", "-p", String(core), String(one)], { timeoutMs: 10_000 });
  }
}

/** Whether this user may take real-time priority. */
export function mayPrioritise(): Promise<boolean> {
  return exec("chrt", ["-r", PRIORITY, "true"], { timeoutMs: 10_000 }).then(
    () => true,
    () => false,
  );
}

/** Puts a process and its threads before every ordinary process, and on a par with each other one put there. */
export async function prioritise(pid: number): Promise<void> {
  await exec("chrt", ["-a", "-r", "-p", PRIORITY, String(pid)], { timeoutMs: 10_000 });
}

/** A command that runs with the same priority, on one CPU. */
export function pinned(core: number, prioritised: boolean, command: readonly string[]): string[] {
  return ["taskset", "-c", String(core), ...(prioritised ? ["chrt", "-r", PRIORITY] : []), ...command];
}

function descendants(pid: number): number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => parentOf(one) === pid);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function parentOf(pid: number): number | undefined {
  try {
    // The second field may hold spaces; after its last ")" come state and parent.
    const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return Number(parent);
  } catch {
    return undefined;
  }
}
