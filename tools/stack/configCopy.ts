/**
 * The working copy of a stack file. The CLI writes a salt and every `pulumi config set` into the file
 * that it uses, so it is given an ignored copy and the tracked one stays as it is in Git.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse, stringify } from "yaml";
import { mergedBase, type StackName, trackedConfig, workingConfig } from "./paths.ts";
import { readState } from "./stateFile.ts";

/** A stack file: `config` by full key, and what the CLI keeps beside it. */
export interface StackFile {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** Reads a stack file; an empty one is allowed. */
export function readStackFile(path: string): StackFile {
  const parsed: unknown = parse(readFileSync(path, "utf8"));
  if (parsed === null || parsed === undefined) return {};
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw new Error(`${path}: not a YAML map`);
  return parsed as StackFile;
}

/**
 * Three-way merge of configuration keys: what changed in the tracked file since `base` is taken over,
 * except where the user has set the key in the working copy.
 */
export function mergeConfig(
  base: Readonly<Record<string, unknown>>,
  tracked: Readonly<Record<string, unknown>>,
  working: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...working };
  for (const key of new Set([...Object.keys(base), ...Object.keys(tracked)])) {
    if (!isDeepStrictEqual(working[key], base[key])) continue;
    if (tracked[key] === undefined) delete merged[key];
    else merged[key] = tracked[key];
  }
  return merged;
}

/** Brings the working copy of a stack file up to date and returns its configuration. */
export function updateWorkingCopy(stack: StackName): Readonly<Record<string, unknown>> {
  const tracked = readStackFile(trackedConfig(stack));
  const working = workingConfig(stack);
  const lost = !existsSync(working);
  const existing: StackFile = lost ? restoredSalt(stack) : readStackFile(working);
  // Of a lost copy nothing is known: what it lacks was not removed by the user.
  const base = !lost && existsSync(mergedBase(stack)) ? readStackFile(mergedBase(stack)) : {};
  const config = mergeConfig(base.config ?? {}, tracked.config ?? {}, existing.config ?? {});
  if (lost || !isDeepStrictEqual(config, existing.config)) {
    writeWhole(working, stringify({ ...existing, config }));
  }
  if (!isDeepStrictEqual(tracked, base)) writeWhole(mergedBase(stack), stringify(tracked));
  return config;
}

/** Sets or, with undefined, removes one key of the working copy. */
export function setWorkingConfig(stack: StackName, key: string, value: unknown): void {
  const file = readStackFile(workingConfig(stack));
  const { [key]: _, ...others } = file.config ?? {};
  const config = value === undefined ? others : { ...others, [key]: value };
  writeWhole(workingConfig(stack), stringify({ ...file, config }));
}

/** A lost copy takes the salt from the state, or its secrets could never be read again. */
function restoredSalt(stack: StackName): StackFile {
  const { salt } = readState(stack);
  return salt === undefined ? {} : { encryptionsalt: salt };
}

function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, text, { mode: 0o600 });
  renameSync(partial, path);
}
