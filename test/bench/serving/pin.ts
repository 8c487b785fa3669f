import { readdirSync, readFileSync } from "node:fs";
import { exec } from "../../../tools/lib/exec.ts";

/** Binds a process, its threads and its descendants to one CPU. */
export async function pin(pid: number, core: number): Promise<void> {
  for (const one of [pid, ...descendants(pid)]) {
    await exec("taskset", ["-a", "-c", "-p", String(core), String(one)], { timeoutMs: 10_000 });
  }
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
