import { rules } from "./catalog.ts";
import { isObject, listAt, type Path, textAt, valueAt } from "./json.ts";
import type { Context, Finding, Target } from "./types.ts";

/** A Kubernetes object and where it stood in what was read: a List may hold many. */
export interface ListedObject {
  readonly path: Path;
  readonly value: unknown;
}

/** Deeper lists are no manifest that anyone writes; the bound keeps hostile input from exhausting the stack. */
const MAXIMUM_NESTING = 16;

/** The objects of a List (of any kind, and of Lists in it), or the object itself. */
export function objectsOf(object: unknown, path: Path = []): ListedObject[] {
  const isList = textAt(object, "kind")?.endsWith("List") === true && Array.isArray(valueAt(object, "items"));
  if (!isList || path.length > 2 * MAXIMUM_NESTING) return [{ path, value: object }];
  return listAt(object, "items").flatMap((item, index) =>
    objectsOf(withListKind(item, object), [...path, "items", index]),
  );
}

/** Items of a typed list (`PodList`) may leave out what the list's own kind says. */
function withListKind(item: unknown, list: unknown): unknown {
  if (!isObject(item) || item.kind !== undefined) return item;
  const kind = textAt(list, "kind")?.slice(0, -"List".length);
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
