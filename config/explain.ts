import type { z } from "zod";
import type { ConfigProblem } from "./problems.ts";
import { aws, local } from "./schema.ts";

/** Words for one finding of the schema: key, value, what is allowed. */
export function explain(
  issue: z.core.$ZodIssue,
  values: Readonly<Record<string, unknown>>,
  raw: Readonly<Record<string, string>>,
): ConfigProblem[] {
  const at = `mlops:${issue.path.map(String).join(".")}`;
  const top = `mlops:${String(issue.path[0] ?? "")}`;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const full = issue.path.length === 0 ? `mlops:${key}` : `${at}.${key}`;
      return { key: full, value: raw[full], message: unknownKey(key, issue.path, values) };
    });
  }
  if (issue.code === "invalid_union") {
    return [{ key: "mlops:environment", value: raw["mlops:environment"], message: "allowed: local, aws" }];
  }
  const value = issue.path.length === 1 ? raw[top] : valueAt(values, issue.path);
  if (issue.path.length === 1 && values[String(issue.path[0])] === undefined) {
    return [{ key: at, value: undefined, message: `missing; ${allowed(issue)}` }];
  }
  return [{ key: at, value, message: allowed(issue) }];
}

/** What the schema's types are called; the others by their own name. */
const typeWords: Readonly<Record<string, string>> = {
  array: "a list",
  int: "a whole number",
  object: "a map of keys to values",
  record: "a map of keys to values",
};

function allowed(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_value":
      return `allowed: ${issue.values.join(", ")}`;
    case "invalid_type":
      // The schema's own words, where it has some.
      if (!issue.message.startsWith("Invalid input")) return `must be ${issue.message}`;
      return `must be ${typeWords[issue.expected] ?? `a ${issue.expected}`}`;
    case "invalid_key":
      return `must be named by ${issue.issues[0]?.message ?? "another key"}`;
    case "too_small":
      if (issue.origin === "string") return "must not be empty";
      return `must be at least ${issue.minimum}${issue.origin === "array" ? " item(s)" : ""}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    case "invalid_format":
      return `must be ${issue.message}`;
    default:
      return issue.message;
  }
}

function valueAt(values: unknown, path: readonly PropertyKey[]): string | undefined {
  let at: unknown = values;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<PropertyKey, unknown>)[step];
  }
  return at === undefined ? undefined : JSON.stringify(at);
}

const knownKeys: Readonly<Record<string, readonly string[]>> = {
  local: Object.keys(local.shape),
  aws: Object.keys(aws.shape),
};

function unknownKey(
  key: string,
  path: readonly PropertyKey[],
  values: Readonly<Record<string, unknown>>,
): string {
  if (path.length > 0) return "unknown key";
  const known = knownKeys[String(values.environment)] ?? [];
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(key.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (near !== undefined && near.distance <= Math.max(2, key.length / 3)) {
    return `unknown key; did you mean mlops:${near.candidate}?`;
  }
  return `unknown key; known on this stack: ${known.join(", ")}`;
}

/**
 * The key that a key of an unknown namespace was probably meant to be: a misspelt namespace would otherwise go unseen,
 * because keys of other namespaces are providers' own.
 */
export function misspeltNamespace(key: string): string | undefined {
  const [namespace = "", ...rest] = key.split(":");
  if (namespace === "mlops" || editDistance(namespace.toLowerCase(), "mlops") > 2) return undefined;
  return `mlops:${rest.join(":")}`;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitute));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
