import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { exec } from "../../tools/lib/exec.ts";

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes that work in a folder or name it in their arguments, but for this one. */
export async function processesOf(folder: string): Promise<RunningProcess[]> {
  const found = process.platform === "linux" ? fromProc(folder) : await fromPs(folder);
  return found.filter(({ pid }) => pid !== process.pid);
}

function fromProc(folder: string): RunningProcess[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const works = `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`);
      // A zombie has no command line any more.
      return command !== "" && (works || command.includes(folder)) ? [{ pid: Number(pid), command }] : [];
    } catch {
      return []; // it has ended meanwhile, or is another user's
    }
  });
}

async function fromPs(folder: string): Promise<RunningProcess[]> {
  const { stdout } = await exec("ps", ["-axww", "-o", "pid=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, command = ""] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid !== undefined && command.includes(folder) ? [{ pid: Number(pid), command }] : [];
  });
}

/** SIGKILL, without a word when the process has ended meanwhile. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
