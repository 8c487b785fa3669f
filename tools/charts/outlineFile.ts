import { replaceFile } from "./files.ts";
import { type Outline, outlineSchema } from "./outline.ts";

const LINE_WIDTH = 110;

/** Text of an outline's file: as the formatter has it, short objects on one line each. */
export function outlineText(outline: Outline): string {
  return `${format(outlineSchema.parse(outline), "", 0)}\n`;
}

/** Writes an outline, whole or not at all. */
export function writeOutline(path: string, outline: Outline): void {
  replaceFile(path, outlineText(outline));
}

/** @param used columns that stand before the value on its line, and those that must follow it. */
function format(value: unknown, indent: string, used: number): string {
  const inline = onOneLine(value);
  if (typeof value !== "object" || value === null || used + inline.length <= LINE_WIDTH) return inline;
  const deeper = `${indent}  `;
  const list = Array.isArray(value);
  const items = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => {
      const prefix = list ? "" : `${JSON.stringify(key)}: `;
      return `${deeper}${prefix}${format(item, deeper, deeper.length + prefix.length + 1)}`;
    });
  const [open, close] = list ? "[]" : "{}";
  return `${open}\n${items.join(",\n")}\n${indent}${close}`;
}

function onOneLine(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return "{}";
  return `{ ${entries.map(([key, item]) => `${JSON.stringify(key)}: ${onOneLine(item)}`).join(", ")} }`;
}
