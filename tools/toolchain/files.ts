import { createHash, randomUUID } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** Writes `text` so that a reader, or a run that is killed here, sees the old or the new file, whole. */
export function writeFileAtomic(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${randomUUID()}.partial`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}

/** Puts a copy of `from`, with its mode, in the place of `to`, which is there and whole at every moment. */
export function copyFileAtomic(from: string, to: string): void {
  const partial = `${to}.${randomUUID()}.partial`;
  copyFileSync(from, partial);
  renameSync(partial, to);
}

/** The JSON in `path`, or undefined when it is missing or broken. The caller must judge its shape. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** First 12 hexadecimal digits of the SHA-256 of the parts: names a recipe, is no protection. */
export function shortHash(...parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 12);
}

/** Names and contents of the files directly in `folder`, in a fixed order. */
export function readFolder(folder: string): string[] {
  const names = readdirSync(folder).sort();
  return names.flatMap((name) => [name, readFileSync(join(folder, name), "utf8")]);
}

export interface FileState {
  readonly size: number;
  readonly mtimeMs: number;
}

/** Size and modification time of a regular file (links followed), or undefined. */
export function fileState(path: string): FileState | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? { size: stat.size, mtimeMs: stat.mtimeMs } : undefined;
}

/** Bytes that this user may still write to the file system of `folder` (or of its nearest parent). */
export function freeBytes(folder: string): number {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const stat = statfsSync(at);
      return stat.bavail * stat.bsize;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || at === dirname(at)) throw error;
    }
  }
}

const GIB = 1024 ** 3;

/** Throws when the file system of `folder` has less than `needed` bytes free. `purpose` completes the message. */
export function requireFree(folder: string, needed: number, purpose: string): void {
  const free = freeBytes(folder);
  if (free >= needed) return;
  const gib = (bytes: number): string => (bytes / GIB).toFixed(1);
  throw new Error(
    `${purpose} needs ${gib(needed)} GiB of free disk at ${folder}, which has ${gib(free)} GiB. ` +
      "Free some, or set MLOPS_CACHE to a folder on another disk.",
  );
}
