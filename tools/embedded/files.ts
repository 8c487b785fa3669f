import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** Makes a folder that only its owner can enter. */
export function makePrivateDir(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Writes a file that only its owner can read, whole or not at all. */
export function writePrivate(path: string, content: string): void {
  const partial = `${path}.partial`;
  writeFileSync(partial, content, { mode: 0o600 });
  renameSync(partial, path);
}

/** writePrivate for a value, as indented JSON. */
export function writePrivateJson(path: string, value: unknown): void {
  writePrivate(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** The file's text, or undefined when it does not exist. */
export function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
