import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Keeps the Pulumi CLI from writing its debug log of every operation into this PULUMI_HOME: that takes half of the
 * engine's CPU time, and the log is not encrypted until the stack's key is known. There is no setting for it; where
 * a file stands in the place of the folder, the CLI goes on without. `-v=9 --logtostderr` logs as ever.
 */
export function stopAutomaticLog(home: string): void {
  const logs = join(home, "logs");
  if (statSync(logs, { throwIfNoEntry: false })?.isFile()) return;
  mkdirSync(home, { recursive: true });
  rmSync(logs, { recursive: true, force: true });
  try {
    writeFileSync(logs, "");
  } catch {
    // A command of another checkout made the folder anew this very moment; it only costs time, and there is a next one.
  }
}
