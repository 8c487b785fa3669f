import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Absolute paths of executables on PATH, links resolved.
 *
 * @throws Error naming all that are missing, and how to get them.
 */
export function findBinaries<Name extends string>(names: readonly Name[]): Record<Name, string> {
  const found = names.map((name) => [name, findBinary(name)] as const);
  const missing = found.flatMap(([name, path]) => (path === undefined ? [name] : []));
  if (missing.length === 0) return Object.fromEntries(found) as Record<Name, string>;
  throw new Error(
    `not found on PATH: ${missing.join(", ")}. Run \`make setup\` to get them, then try again through make ` +
      "or after `. ./env`.",
  );
}

/** Absolute path of an executable on PATH, links resolved. */
export function findBinary(name: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter((dir) => dir !== "")
    .map((dir) => join(dir, name))
    .filter(isExecutable)
    .map((path) => realpathSync(path))[0];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
