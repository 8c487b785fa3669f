import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ChartFiles } from "./archive.ts";
import { helmIgnore } from "./helmIgnore.ts";

/** SHA-256 of the parts in hexadecimal; the parts' lengths count too, so their borders matter. */
export function sha256(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  if (parts.length === 1) return hash.update(parts[0] ?? "").digest("hex");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
}

/** SHA-256 over the paths and contents of a chart's files, whatever order they came in. */
export function hashOf(files: ChartFiles): string {
  return sha256(...[...files].sort(([a], [b]) => (a < b ? -1 : 1)).flat());
}

/** Writes a file so that a reader, or a run killed here, sees the old or the new one, whole. */
export function replaceFile(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${randomUUID()}.partial`;
  writeFileSync(partial, content);
  renameSync(partial, path);
}

/** The content of a file, or undefined where there is none. */
export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** The files of an unpacked chart as Helm would load them: without what its .helmignore names. */
export function readChartFolder(folder: string): ChartFiles {
  const ignored = helmIgnore(readIfThere(join(folder, ".helmignore"))?.toString("utf8") ?? "");
  const files = new Map<string, Buffer>();
  const walk = (relative: string): void => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (ignored(path, entry.isDirectory())) continue;
      if (entry.isDirectory()) walk(path);
      else files.set(path, readFileSync(join(folder, path)));
    }
  };
  walk("");
  return files;
}
