import { accessSync, constants, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import type { Context } from "./context.ts";
import { fileState, readJson, writeFileAtomic } from "./files.ts";
import type { ToolSpec } from "./lockSchema.ts";
import { fits } from "./version.ts";

/** One executable of the right name on PATH, and what it said when asked for its version. */
export interface Candidate {
  readonly path: string;
  /** undefined: it did not answer with a version. */
  readonly version: string | undefined;
  readonly fitting: boolean;
}

const PROBE_TIMEOUT_MS = 15_000;

/** Kept out of a tool's environment while it is asked: no network, nothing written into the user's home. */
export function probeEnvironment(context: Context): Record<string, string> {
  return { PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_HOME: context.pulumiHome };
}

/** Executables `name` in the folders of PATH, without what this toolchain itself has put there. */
export function executablesOnPath(context: Context, name: string): string[] {
  const found = context.searchPath.map((folder) => join(folder, name)).filter(isExecutable);
  const cache = tryRealpath(context.cacheDir) ?? context.cacheDir;
  const foreign = found.filter((path) => {
    const inCache = (tryRealpath(path) ?? path).startsWith(cache + sep);
    return !inCache && !path.includes(`${sep}.mlops${sep}`);
  });
  return [...new Set(foreign)];
}

function isExecutable(path: string): boolean {
  if (fileState(path) === undefined) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function tryRealpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** The version in what a tool printed: the pattern's groups joined by dots. */
export function versionIn(output: string, pattern: string): string | undefined {
  const match = new RegExp(pattern).exec(output);
  if (match === null) return undefined;
  return match.slice(1).join(".") || undefined;
}

/** Every executable `name` on PATH with its version, in the order of PATH. */
export async function candidatesOnPath(context: Context, name: string, spec: ToolSpec): Promise<Candidate[]> {
  const rule = spec.onPath;
  if (rule === undefined) return [];
  const candidates: Candidate[] = [];
  for (const path of executablesOnPath(context, name)) {
    const version = await cachedVersion(context, path, rule);
    candidates.push({ path, version, fitting: version !== undefined && fits(version, rule.range) });
  }
  return candidates;
}

/** Asking costs 0.1 s and more, so the answer is kept as long as the file is the same. */
async function cachedVersion(
  context: Context,
  path: string,
  rule: { args: readonly string[]; pattern: string },
): Promise<string | undefined> {
  const state = fileState(path);
  const key = JSON.stringify([path, state?.size, state?.mtimeMs, rule.args, rule.pattern]);
  const file = join(context.cacheDir, "probes.json");
  const known = readProbes(file);
  if (known[key] !== undefined) return known[key] || undefined;
  const version = await askVersion(context, path, rule);
  // Read again: other tools are asked at the same time.
  writeFileAtomic(file, JSON.stringify({ ...readProbes(file), [key]: version ?? "" }, null, 2));
  return version;
}

function readProbes(file: string): Record<string, string> {
  const json = readJson(file);
  return typeof json === "object" && json !== null ? (json as Record<string, string>) : {};
}

async function askVersion(
  context: Context,
  path: string,
  rule: { args: readonly string[]; pattern: string },
): Promise<string | undefined> {
  try {
    const answer = await context.exec(path, rule.args, {
      env: probeEnvironment(context),
      timeoutMs: PROBE_TIMEOUT_MS,
      allowFailure: true,
    });
    return versionIn(answer.stdout + answer.stderr, rule.pattern);
  } catch {
    return undefined;
  }
}

/**
 * Throws unless a freshly installed binary runs here at all: this finds a page of HTML saved as a binary, a
 * wrong architecture and a cache on a file system mounted `noexec`.
 */
export async function requireRuns(context: Context, path: string, spec: ToolSpec): Promise<void> {
  const rule = spec.onPath;
  if (rule === undefined) return;
  await context.exec(path, rule.args, {
    env: probeEnvironment(context),
    timeoutMs: PROBE_TIMEOUT_MS,
  });
}
