import { UNKNOWN } from "../rules/runTimeValues.ts";

/**
 * Copies a resource's inputs out of CrossGuard's proxies, which throw whenever an input is read that a preview
 * does not know. Such inputs become `UNKNOWN`, which rules defer on: one unknown must not silence a whole rule.
 */
export function snapshot(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => read(value, index));
  return Object.fromEntries(Object.keys(value).map((key) => [key, read(value, key)]));
}

function read(parent: object, key: string | number): unknown {
  let value: unknown;
  try {
    value = (parent as Record<string | number, unknown>)[key];
  } catch {
    return UNKNOWN;
  }
  return snapshot(value);
}

let latest: { readonly urn: string; readonly copy: unknown } | undefined;

/**
 * A snapshot of the inputs of the resource that is being judged. CrossGuard hands every policy inputs of its
 * own, but runs all policies on a resource in one turn of the event loop: for that long the copy holds.
 */
export function snapshotForTurn(urn: string, inputs: unknown): unknown {
  if (latest?.urn === urn) return latest.copy;
  const copy = snapshot(inputs);
  latest = { urn, copy };
  setImmediate(() => {
    latest = undefined;
  });
  return copy;
}
