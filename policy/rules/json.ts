import type { JsonObject } from "./types.ts";

/** Keys and indexes from an object's root to a value in it. */
export type Path = readonly (string | number)[];

/** Narrows to a JSON object (not null, not a list). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path; undefined where any step is missing. Inherited properties are not seen. */
export function valueAt(value: unknown, ...path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as JsonObject)[step];
  }
  return current;
}

/** The object at a path; an empty one where there is none. */
export function objectAt(value: unknown, ...path: Path): JsonObject {
  const found = valueAt(value, ...path);
  return isObject(found) ? found : {};
}

/** The list at a path; an empty one where there is none. */
export function listAt(value: unknown, ...path: Path): unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The string at a path; undefined where there is none. */
export function textAt(value: unknown, ...path: Path): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === "string" ? found : undefined;
}

/** Any JSON value as text for messages and patterns. `String` throws on objects that have a key `toString`. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}

/** True where a value is missing, null or an empty string, list or object. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** A copy with the value at a path replaced; what is missing on the way is made as objects. */
export function withValue(root: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const child = withValue(valueAt(root, step), rest, value);
  return Array.isArray(root)
    ? root.with(Number(step), child)
    : { ...(isObject(root) && root), [step]: child };
}

/** Every value that a pattern leads to; the step `*` stands for each element of a list. */
export function matchesAt(
  value: unknown,
  pattern: readonly string[],
): { path: Path; value: unknown; elements: readonly number[] }[] {
  let found: { path: Path; value: unknown; elements: readonly number[] }[] = [
    { path: [], value, elements: [] },
  ];
  for (const step of pattern) {
    found = found.flatMap((match) =>
      step === "*"
        ? listAt(match.value).map((element, index) => ({
            path: [...match.path, index],
            value: element,
            elements: [...match.elements, index],
          }))
        : [{ ...match, path: [...match.path, step], value: valueAt(match.value, step) }],
    );
  }
  return found.filter((match) => match.value !== undefined);
}

/** Every value in a tree with its path, parents first; iterative, so that depth cannot exhaust the stack. */
export function* walk(root: unknown): Generator<{ path: Path; value: unknown }> {
  const pending: { path: Path; value: unknown }[] = [{ path: [], value: root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next;
    const { path, value } = next;
    if (typeof value !== "object" || value === null) continue;
    const children = [...(Array.isArray(value) ? value.entries() : Object.entries(value))];
    // One by one: a call with very many arguments throws.
    for (const [key, child] of children.reverse()) pending.push({ path: [...path, key], value: child });
  }
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Writes a path as JSONPath: `$.spec.containers[0].resources.limits["nvidia.com/gpu"]`. */
export function formatPath(path: Path): string {
  const steps = path.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return PLAIN_KEY.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return `$${steps.join("")}`;
}

const STEP = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/gy;

/** Reads what `formatPath` writes. */
export function parsePath(text: string): Path {
  const path: (string | number)[] = [];
  for (const [, key, index, quoted] of text.slice(1).matchAll(STEP)) {
    if (key !== undefined) path.push(key);
    else if (index !== undefined) path.push(Number(index));
    else if (quoted !== undefined) path.push(JSON.parse(quoted) as string);
  }
  return path;
}
