import { rules } from "./catalog.ts";
import { isObject, listAt, type Path, textAt, valueAt } from "./json.ts";
import type { Context, Finding, Target } from "./types.ts";

/** A Kubernetes object and where it stood in what was read: a List may hold many. */
export interface ListedObject {
  readonly path: Path;
  readonly value: unknown;
}

/**
 * The objects of a List (of any kind, and of Lists in it), or the object itself. kubectl takes whatever has
 * `items` for a list and the API server what its kind says, so that an object of another kind counts with its items.
 */
export function objectsOf(object: unknown, path: Path = []): ListedObject[] {
  const found: ListedObject[] = [];
  const pending: ListedObject[] = [{ path, value: object }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path: at, value } = next;
    const items = valueAt(value, "items");
    const isList = Array.isArray(items) && textAt(value, "kind")?.endsWith("List") === true;
    if (!isList) found.push(next);
    for (const [index, item] of [...listAt(value, "items").entries()].reverse()) {
      pending.push({ path: [...at, "items", index], value: withListKind(item, value) });
    }
  }
  return found;
}

/** Items of a typed list (`PodList`) may leave out what the list's own kind says. */
function withListKind(item: unknown, list: unknown): unknown {
  if (!isObject(item) || item.kind !== undefined) return item;
  const kind = textAt(list, "kind")?.replace(/List$/, "");
  return kind ? { apiVersion: valueAt(list, "apiVersion"), ...item, kind } : item;
}

/** Judges one object by every rule for its target. An AWS resource's type token picks its rules. */
export function check(target: Target, object: unknown, context: Context, type = ""): Finding[] {
  return rules
    .filter((rule) => rule.target === target && (target !== "aws" || rule.types.includes(type)))
    .flatMap((rule) => rule.check(object, context, type));
}

/** True for findings that close a door: violations that are not merely advice. */
export function blocks({ kind, level }: Finding): boolean {
  return kind === "violation" && level !== "advisory";
}

/** Kind, namespace and name of an object, for people: `Job team-a/train`. */
export function describe(object: unknown): string {
  const [kind, name, namespace] = [
    textAt(object, "kind") ?? "object",
    textAt(object, "metadata", "name") ?? textAt(object, "metadata", "generateName") ?? "without a name",
    textAt(object, "metadata", "namespace"),
  ];
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
