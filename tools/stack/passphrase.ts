import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { passphraseFile, type StackName, stacks } from "./paths.ts";
import { readState } from "./stateFile.ts";

/**
 * Makes the passphrase that encrypts the secrets in the state, once, readable by its owner only.
 * Does nothing when the environment names another one.
 *
 * @throws Error when it is gone although a state was encrypted with it: a new one would not fit.
 */
export function ensurePassphrase(): void {
  const file = passphraseFile();
  const chosen = process.env.PULUMI_CONFIG_PASSPHRASE_FILE;
  if (process.env.PULUMI_CONFIG_PASSPHRASE !== undefined || (chosen !== undefined && chosen !== file)) return;
  if (existsSync(file)) {
    chmodSync(file, 0o600);
    return;
  }
  const encrypted = stacks.filter((stack: StackName) => readState(stack).salt !== undefined);
  if (encrypted.length > 0) {
    throw new Error(
      `${file} is missing, but the state of ${encrypted.join(" and ")} is encrypted with it.\n` +
        "Restore the file from a backup, or remove stack and cluster with `make down FORCE=1` and start over.",
    );
  }
  mkdirSync(dirname(file), { recursive: true });
  // `wx`: of two that run at once one wins, and the other uses its passphrase.
  try {
    writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
