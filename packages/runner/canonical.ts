import { createHash } from "node:crypto";

/** JSON of a value with the keys of every object in order, so that equal values are equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, child: unknown) => {
    if (typeof child !== "object" || child === null || Array.isArray(child)) return child;
    return Object.fromEntries(Object.entries(child).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}

/** SHA-256, in hexadecimal, of a WorkflowTemplate's `.spec`: the same whether it was compiled, deployed or run. */
export function specHash(spec: unknown): string {
  return createHash("sha256").update(canonical(spec)).digest("hex");
}
