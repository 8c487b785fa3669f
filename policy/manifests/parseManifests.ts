import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  Scalar,
  type ScalarTag,
  type Tags,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { objectsOf } from "../rules/evaluate.ts";
import { formatPath, isObject, parsePath, textAt } from "../rules/json.ts";
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

/** Integers that Kubernetes reads although YAML 1.1 does not know them: `0o644` of YAML 1.2, and `0X1F`, `0B1`. */
const PREFIXED_INTEGER: ScalarTag = {
  tag: "tag:yaml.org,2002:int",
  default: true,
  identify: () => false,
  test: /^[-+]?0(?:[oO][0-7_]+|X[0-9a-fA-F_]+|B[01_]+)$/,
  resolve: (text) => {
    const magnitude = Number(text.replaceAll(/^[-+]|_/g, ""));
    return text.startsWith("-") ? -magnitude : magnitude;
  },
};

function kubernetesTags(tags: Tags): Tags {
  // "TIME" marks base 60: Kubernetes reads 22:22 as text.
  const known = tags.filter(
    (tag) => typeof tag === "string" || !(AS_TEXT.includes(tag.tag) || tag.format === "TIME"),
  );
  return [PREFIXED_INTEGER, ...known];
}

/** Parses manifests. Throws an UnreadableError as `parseDocuments` does, and for what is no Kubernetes object. */
export function parseManifests(text: string): Manifest[] {
  const manifests = parseDocuments(text);
  for (const { value: document, locate } of manifests) {
    for (const { path, value } of [{ path: [], value: document }, ...objectsOf(document)]) {
      if (textAt(value, "apiVersion") !== undefined && textAt(value, "kind") !== undefined) continue;
      const { line } = locate(formatPath(path));
      throw new UnreadableError(`no Kubernetes object: apiVersion or kind is missing, line ${line}`);
    }
  }
  return manifests;
}

/**
 * Parses YAML documents as Kubernetes does: YAML 1.1, so that `privileged: yes` is true, whatever the file
 * says about its version. Throws an UnreadableError for anything that kubectl would not take or that hides
 * what it means: syntax errors, duplicate keys, cyclic aliases, alias bombs, documents that are no object, and
 * what kubectl reads differently.
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
  const manifests = documents.flatMap((document) => {
    const value = toValue(document as Document, lines);
    return value === undefined ? [] : [{ value, locate: locator(document as Document, lines) }];
  });
  checkLineBreaks(text, documents as Document[], lines);
  return manifests;
}

function toValue(document: Document, lines: LineCounter): Record<string, unknown> | undefined {
  const [error] = document.errors;
  if (error !== undefined) throw new UnreadableError(explain(error.message));
  const at = `line ${lines.linePos(document.range?.[0] ?? 0).line}`;
  checkNodes(document, lines);
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

/**
 * Tags that say what the value says anyway. Others, such as `!!binary`, become what a rule does not compare with,
 * and `!!float 5` is a number for kubectl alone.
 */
const PLAIN_TAGS = ["map", "seq", "str", "int", "bool", "null", "merge"].map(
  (tag) => `tag:yaml.org,2002:${tag}`,
);

function checkNodes(document: Document, lines: LineCounter): void {
  const budget = { keys: MAXIMUM_MERGED_KEYS };
  visit(document, {
    Value: (_key, node) => checkTag(node, lines),
    Map: (_key, map) => {
      checkTag(map, lines);
      checkKeys(map, document, lines, budget);
    },
  });
}

function checkTag({ tag, range }: Scalar | YAMLMap | YAMLSeq, lines: LineCounter): void {
  if (tag === undefined || PLAIN_TAGS.includes(tag)) return;
  const { line } = lines.linePos(range?.[0] ?? 0);
  throw new UnreadableError(`tag ${tag} hides what the value is, line ${line}`);
}

/** Most keys that a document's merges may bring: each copies all keys of its source, however often it is named. */
const MAXIMUM_MERGED_KEYS = 1_000_000;

/**
 * Refuses keys that are no text or there twice, and merges that bring a key which is there already: by the
 * standard the first of them holds, in kubectl the last.
 */
function checkKeys(
  { items }: YAMLMap,
  document: Document,
  lines: LineCounter,
  budget: { keys: number },
): void {
  const stated = new Set<string>();
  const merged = new Set<string>();
  for (const { key, value } of items) {
    const { line } = lines.linePos((key as { range?: [number] | null } | null)?.range?.[0] ?? 0);
    if (!isScalar(key)) throw new UnreadableError(`a key is no text, line ${line}`);
    if (isMergeKey(key)) {
      const brought = mergedKeys(value as Node | null, document, budget);
      const twice = [...brought].find((name) => stated.has(name) || merged.has(name));
      if (twice !== undefined)
        throw new UnreadableError(`<< brings key ${twice}, which is there already, line ${line}`);
      for (const name of brought) merged.add(name);
      continue;
    }
    const name = String(key.value);
    if (stated.has(name)) throw new UnreadableError(`key ${name} is there twice, line ${line}`);
    stated.add(name);
  }
}

function isMergeKey({ value, type }: Scalar): boolean {
  return (
    (type === undefined || type === Scalar.PLAIN) &&
    (value === "<<" || (typeof value === "symbol" && value.description === "<<"))
  );
}

/** Names of all keys that a merge brings, those that its sources merge themselves too. */
function mergedKeys(source: Node | null, document: Document, budget: { keys: number }): Set<string> {
  const names = new Set<string>();
  const seen = new Set<unknown>();
  const pending: unknown[] = [source];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const node = isAlias(next) ? next.resolve(document) : next;
    if (seen.has(node)) continue;
    seen.add(node);
    if (isSeq(node)) for (const item of node.items) pending.push(item);
    if (!isMap(node)) continue;
    budget.keys -= node.items.length;
    if (budget.keys < 0) throw new UnreadableError("merges copy too many keys");
    for (const { key, value } of node.items) {
      if (isScalar(key) && isMergeKey(key)) pending.push(value);
      else if (isScalar(key)) names.add(String(key.value));
    }
  }
  return names;
}

/** Line breaks of YAML 1.1 that the parser takes for text; a carriage return alone is one too. */
const HIDDEN_LINE_BREAK = /\r(?!\n)|[\u0085\u2028\u2029]/;

/**
 * Refuses line breaks that kubectl sees and the parser does not: what follows one in a comment or a plain text is
 * a line of its own for kubectl alone. Between quotes nothing can hide, and JSON has them there.
 */
function checkLineBreaks(text: string, documents: readonly Document[], lines: LineCounter): void {
  if (!HIDDEN_LINE_BREAK.test(text)) return;
  let start = 0;
  const checkUntil = (end: number): void => {
    const found = text.slice(start, end).search(HIDDEN_LINE_BREAK);
    if (found < 0) return;
    const { line } = lines.linePos(start + found);
    throw new UnreadableError(`a line break that readers of YAML do not agree on, line ${line}`);
  };
  for (const document of documents) {
    visit(document, {
      Scalar: (_key, { type, range }) => {
        if (!range || (type !== Scalar.QUOTE_DOUBLE && type !== Scalar.QUOTE_SINGLE)) return;
        checkUntil(range[0]);
        start = range[1];
      },
    });
  }
  checkUntil(text.length);
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
