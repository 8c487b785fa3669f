import { readlinkSync } from "node:fs";
import { exec } from "../lib/exec.ts";
import { projectRoot } from "../lib/paths.ts";

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/**
 * A plugin's command line, with its engine's address at the end: a real one, a stand-in of tools/plugins, or
 * the policy pack.
 */
const plugin =
  /(\/pulumi-(resource|language)-[a-z0-9-]+|\/tools\/plugins\/[a-z]+\/main\.ts|\/cmd\/run-plugin\/index\.js \S+) 127\.0\.0\.1:\d+$/;
const engine = /(^|\/)pulumi(\s|$)/;

/**
 * Processes of plugins whose `pulumi` is gone.
 *
 * @param listing as `ps -o pid=,ppid=,args=` prints it.
 */
export function orphanedPlugins(listing: string): number[] {
  const processes = listing.split("\n").flatMap((line): Process[] => {
    const [, pid, parent, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
  const engines = new Set(processes.filter(({ command }) => engine.test(command)).map(({ pid }) => pid));
  return processes
    .filter(({ command, parent }) => plugin.test(command) && !engines.has(parent))
    .map(({ pid }) => pid);
}

/**
 * Ends what a killed `pulumi` left running for this checkout. A plugin notices only after minutes that nobody
 * listens; until then it goes on installing, and at the end of its time would uninstall, releases that a later
 * update has made anew under the same names.
 *
 * @returns how many were ended.
 */
export async function endOrphanedPlugins(): Promise<number> {
  const { stdout } = await exec("ps", ["-axww", "-o", "pid=,ppid=,args="]);
  let ended = 0;
  for (const pid of orphanedPlugins(stdout)) {
    if ((await workingFolder(pid)) !== projectRoot) continue;
    try {
      process.kill(pid, "SIGKILL");
      ended++;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  return ended;
}

/** Folder that a process works in: for a plugin, that of the program that it serves. */
async function workingFolder(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    try {
      return readlinkSync(`/proc/${pid}/cwd`);
    } catch {
      return undefined; // it has ended, or is another user's
    }
  }
  const { stdout } = await exec("lsof", ["-a", "-p", String(pid), "-d", "cwd", "-Fn"], {
    allowFailure: true,
  });
  return /^n(.*)$/m.exec(stdout)?.[1];
}
