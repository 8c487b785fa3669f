import type { Addition, JsonObject } from "../rules/types.ts";

/**
 * Adds values to a resource's inputs. In place: CrossGuard's proxies keep secrets secret only where they are
 * left alone, and a copy would hold them as plain text.
 */
export function addInPlace(inputs: JsonObject, additions: readonly Addition[]): JsonObject {
  for (const { path, value } of additions) {
    const parents = path.slice(0, -1);
    const last = path.at(-1);
    if (last === undefined) continue;
    let parent: JsonObject = inputs;
    for (const step of parents) {
      parent[step] ??= {};
      parent = parent[step] as JsonObject;
    }
    parent[last] = value;
  }
  return inputs;
}
