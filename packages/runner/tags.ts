/** Argo's simple tags: `{{inputs.parameters.epochs}}`. Expression tags (`{{=...}}`) are not supported. */

/** Values by tag, without braces. */
export type Scope = ReadonlyMap<string, string>;

/** A tag that nothing in its place can fill. */
export class TagError extends Error {
  override readonly name = "TagError";
}

const tag = /\{\{([^{}]*)\}\}/g;

/** Every tag in a text, trimmed. */
export function tagsIn(text: string): string[] {
  return [...text.matchAll(tag)].map((match) => (match[1] ?? "").trim());
}

/**
 * Fills every tag of a text. Values are put in as they are and never read for tags again.
 *
 * @throws TagError naming the tag that has no value.
 */
export function fill(text: string, scope: Scope): string {
  return text.replaceAll(tag, (_whole, name: string) => {
    const value = scope.get(name.trim());
    if (value === undefined) throw new TagError(`{{${name.trim()}}} has no value`);
    return value;
  });
}

/** Fills every text in a value of any shape. */
export function fillAll<T>(value: T, scope: Scope): T {
  if (typeof value === "string") return fill(value, scope) as T;
  if (Array.isArray(value)) return value.map((element) => fillAll(element, scope)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, fillAll(child, scope)])) as T;
}
