import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * A string that tells this process from every other that ever has the same pid: on Linux the boot id and
 * the start time in clock ticks since boot (/proc/PID/stat, field 22), elsewhere the start time that `ps`
 * shows. undefined when no such process runs (a zombie counts as not running).
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === "linux" ? linuxIdentity(pid) : psIdentity(pid);
}

/** true if the process that had `identity` (from processIdentity) still runs under `pid`. */
export function isSameProcess(pid: number, identity: string): boolean {
  return processIdentity(pid) === identity;
}

function linuxIdentity(pid: number): string | undefined {
  try {
    // The command name (field 2) may hold spaces and parentheses; fields after its last ")" start at 3.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${bootId}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

function psIdentity(pid: number): string | undefined {
  try {
    const environment = { ...process.env, LC_ALL: "C", TZ: "UTC" };
    const shown = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { env: environment });
    const [state = "", ...start] = shown.toString().trim().split(/\s+/);
    return state.startsWith("Z") ? undefined : start.join(" ") || undefined;
  } catch {
    return undefined;
  }
}
