import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exec } from "../lib/exec.ts";
import { type LockOwner, withLock } from "../lib/lockfile.ts";
import { createLog, type Log } from "../lib/log.ts";
import { projectRoot } from "../lib/paths.ts";

// Run by tools/bootstrap.sh before node_modules exists: only Node's own modules and tools/lib may be imported.

/** Copy of the package-lock.json that node_modules was installed from; bootstrap.sh compares it. */
export const stampName = ".mlops-package-lock.json";

export interface NodeModulesOptions {
  readonly root: string;
  /** npm's command. */
  readonly npm: string;
  readonly log: Log;
}

/**
 * Runs `npm ci --ignore-scripts` in `root` unless node_modules was installed from this very package-lock.json.
 * Of two runs at once one works and the other waits. The stamp is removed first and written last, so an
 * interrupted install is done again.
 */
export async function installNodeModules({ root, npm, log }: NodeModulesOptions): Promise<void> {
  const wanted = readFileSync(join(root, "package-lock.json"), "utf8");
  const stamp = join(root, "node_modules", stampName);
  const isDone = (): boolean => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  const onWait = (owner: LockOwner): void =>
    log.info(`  node_modules: another run (process ${owner.pid}) is installing it; waiting`);
  await withLock(
    join(root, ".mlops", "locks", "node_modules"),
    async () => {
      if (isDone()) return;
      rmSync(stamp, { force: true });
      const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
      await log.step("npm packages: npm ci", () => exec(npm, args, { cwd: root }));
      writeFileSync(stamp, wanted);
    },
    { onWait },
  );
}

/** npm beside this Node (a Node release has one), else the machine's own npm, run by the machine's own Node. */
function findNpm(): string {
  const beside = join(dirname(process.execPath), "npm");
  return existsSync(beside) ? beside : "npm";
}

if (import.meta.main) {
  try {
    await installNodeModules({ root: projectRoot, npm: findNpm(), log: createLog() });
  } catch (error) {
    console.error(`bootstrap: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
