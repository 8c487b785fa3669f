import { type Document, isScalar, LineCounter, parseAllDocuments, type Tags, visit } from "yaml";
import { isObject, parsePath } from "../rules/json.ts";
import { UnreadableError } from "./readInput.ts";

/** One document of a file and a way back from a path in it to lines. */
export interface Manifest {
  readonly value: Record<string, unknown>;
  /** Where the value at a JSON path stands, counted from 1; of its nearest parent when it is missing. */
  readonly locate: (path: string) => { readonly line: number; readonly column: number };
}

/** A manifest of an object that no file holds: all of it stands at line 1. */
export function manifestOf(value: Record<string, unknown>): Manifest {
  return { value, locate: () => ({ line: 1, column: 1 }) };
}

/** Types of YAML 1.1 that Kubernetes reads as plain text. */
const AS_TEXT = ["timestamp", "binary", "omap", "pairs", "set"].map((tag) => `tag:yaml.org,2002:${tag}`);

function kubernetesTags(tags: Tags): Tags {
  // "TIME" marks base 60: Kubernetes reads 22:22 as text.
  return tags.filter(
    (tag) => typeof tag === "string" || !(AS_TEXT.includes(tag.tag) || tag.format === "TIME"),
  );
}

/** Parses manifests. Throws an UnreadableError as `parseDocuments` does, and for what is no Kubernetes object. */
export function parseManifests(text: string): Manifest[] {
  const manifests = parseDocuments(text);
  for (const { value, locate } of manifests) {
    if (typeof value.apiVersion === "string" && typeof value.kind === "string") continue;
    const { line } = locate("$");
    throw new UnreadableError(`no Kubernetes object: apiVersion or kind is missing, line ${line}`);
  }
  return manifests;
}

/**
 * Parses YAML documents as Kubernetes does: YAML 1.1, so that `privileged: yes` is true, whatever the file
 * says about its version. Throws an UnreadableError for anything that kubectl would not take or that hides
 * what it means: syntax errors, duplicate keys, cyclic aliases, alias bombs, documents that are no object.
 */
export function parseDocuments(text: string): Manifest[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    schema: "yaml-1.1",
    merge: true,
    customTags: kubernetesTags,
    // The library compares each key with each other one; ours is linear.
    uniqueKeys: false,
    lineCounter: lines,
    logLevel: "error",
  });
  return documents.flatMap((document) => {
    const value = toValue(document as Document, lines);
    return value === undefined ? [] : [{ value, locate: locator(document as Document, lines) }];
  });
}

function toValue(document: Document, lines: LineCounter): Record<string, unknown> | undefined {
  const [error] = document.errors;
  if (error !== undefined) throw new UnreadableError(explain(error.message));
  const at = `line ${lines.linePos(document.range?.[0] ?? 0).line}`;
  checkKeys(document, lines);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new UnreadableError(`${explain(cause instanceof Error ? cause.message : String(cause))}, ${at}`);
  }
  if (value === null || value === undefined) return undefined;
  if (!isTree(value)) throw new UnreadableError(`an alias contains itself, ${at}`);
  if (!isObject(value)) throw new UnreadableError(`the document is no object, ${at}`);
  return value;
}

/** The first line of a parser's message: the rest quotes the file. */
function explain(message: string): string {
  const [first = ""] = message.split("\n");
  return first.replace("Maximum call stack size exceeded", "nested too deeply").replace(/:$/, "");
}

function checkKeys(document: Document, lines: LineCounter): void {
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const { line } = lines.linePos((key as { range?: [number] | null } | null)?.range?.[0] ?? 0);
        if (!isScalar(key)) throw new UnreadableError(`a key is no text, line ${line}`);
        const name = String(key.value);
        if (seen.has(name) && name !== "<<")
          throw new UnreadableError(`key ${name} is there twice, line ${line}`);
        seen.add(name);
      }
    },
  });
}

/** True when no value contains itself. */
function isTree(root: unknown): boolean {
  const open = new Set<unknown>();
  const done = new Set<unknown>();
  const visitValue = (value: unknown): boolean => {
    if (typeof value !== "object" || value === null || done.has(value)) return true;
    if (open.has(value)) return false;
    open.add(value);
    const closed = Object.values(value).every(visitValue);
    open.delete(value);
    done.add(value);
    return closed;
  };
  return visitValue(root);
}

function locator(document: Document, lines: LineCounter): Manifest["locate"] {
  return (path) => {
    const steps = [...parsePath(path)];
    for (; ; steps.pop()) {
      const node = steps.length === 0 ? document.contents : document.getIn(steps, true);
      const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
      if (range?.[0] !== undefined || steps.length === 0) {
        const { line, col } = lines.linePos(range?.[0] ?? document.range?.[0] ?? 0);
        return { line: Math.max(1, line), column: Math.max(1, col) };
      }
    }
  };
}
