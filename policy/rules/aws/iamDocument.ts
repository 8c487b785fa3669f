import { asText, isObject, listAt, type Path, textAt, valueAt } from "../json.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { JsonObject } from "../types.ts";

/** A statement of an IAM document and where it is. */
export interface Statement {
  readonly path: Path;
  readonly value: JsonObject;
  readonly allows: boolean;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/** Reads an IAM document, written as JSON text or as an object; says when it is neither, or not known yet. */
export function readDocument(inputs: unknown, ...path: Path): readonly Statement[] | "unknown" | "malformed" {
  const stated = valueAt(inputs, ...path);
  if (isRunTimeValue(stated)) return "unknown";
  const document = typeof stated === "string" ? parseJson(stated) : stated;
  if (!isObject(document)) return "malformed";
  const listed = Array.isArray(document.Statement);
  return texts(document.Statement, isObject).map((value, index) => ({
    path: [...path, "Statement", ...(listed ? [index] : [])],
    value,
    allows: textAt(value, "Effect") !== "Deny",
    actions: texts(value.Action, isText),
    resources: texts(value.Resource, isText),
  }));
}

/** IAM takes one value for a list of one. */
export function textsAt(value: unknown, ...path: Path): string[] {
  return texts(valueAt(value, ...path), isText);
}

/** A test of a request's key. */
export interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

/** The conditions of a statement. */
export function conditionsOf({ value }: Statement): Condition[] {
  return Object.entries(isObject(value.Condition) ? value.Condition : {}).flatMap(([operator, keys]) =>
    Object.entries(isObject(keys) ? keys : {}).map(([key, values]) => ({
      operator,
      key,
      values: (Array.isArray(values) ? values : [values]).map(asText),
    })),
  );
}

/** Principals of a statement as `type:value`; `*` is everyone, or everyone but some. */
export function principalsOf({ value }: Statement): string[] {
  if ("NotPrincipal" in value) return ["*"];
  if (typeof value.Principal === "string") return [value.Principal];
  if (!isObject(value.Principal)) return [];
  return Object.keys(value.Principal).flatMap((type) =>
    textsAt(value.Principal, type).map((name) => (name === "*" ? "*" : `${type}:${name}`)),
  );
}

function texts<T>(value: unknown, is: (element: unknown) => element is T): T[] {
  return (Array.isArray(value) ? listAt(value) : [value]).filter(is);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
