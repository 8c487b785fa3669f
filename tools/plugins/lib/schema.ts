import type { CheckFailure } from "@pulumi/pulumi/provider/provider.js";
import type { StandIn } from "../standIns.ts";
import { containsUnknown, isList, isMap, type PropertyMap, type PropertyValue, reveal } from "./values.ts";

/** The types of property that the stand-ins know, and how a resource reads them. */
export interface PropertyTypes {
  readonly string: string;
  readonly integer: number;
  readonly boolean: boolean;
  readonly strings: readonly string[];
  readonly stringMap: Readonly<Record<string, string>>;
  readonly list: readonly PropertyValue[];
}

export interface PropertySpec {
  readonly type: keyof PropertyTypes;
  readonly required?: true;
  /** What the real plugin stores when the program gives nothing. */
  readonly default?: PropertyValue;
  /** Always a secret output, whatever it was made from. */
  readonly secret?: true;
}

export type PropertySpecs = Readonly<Record<string, PropertySpec>>;

/** The values of inputs that have been checked and completed with defaults. */
export type Values<Specs extends PropertySpecs> = {
  readonly [Name in keyof Specs]:
    | PropertyTypes[Specs[Name]["type"]]
    | (Specs[Name] extends { required: true } | { default: PropertyValue } ? never : undefined);
};

export interface ResourceSchema {
  readonly inputs: PropertySpecs;
  /** Properties that are made by the resource, beside its inputs, which it stores too. */
  readonly outputs: PropertySpecs;
}

const isString = (value: PropertyValue) => typeof value === "string";

const typeNames: Readonly<Record<keyof PropertyTypes, string>> = {
  string: "a string",
  integer: "a whole number",
  boolean: "a boolean",
  strings: "a list of strings",
  stringMap: "a map of strings",
  list: "a list",
};

function hasType(value: PropertyValue, type: keyof PropertyTypes): boolean {
  switch (type) {
    case "string":
      return isString(value);
    case "integer":
      return Number.isSafeInteger(value);
    case "boolean":
      return typeof value === "boolean";
    case "strings":
      return isList(value) && value.every(isString);
    case "stringMap":
      return isMap(value) && Object.values(value).every(isString);
    case "list":
      return isList(value);
  }
}

/** Required inputs that are missing and inputs of a wrong type; what is not known yet is left to the update. */
export function checkTypes(specs: PropertySpecs, inputs: PropertyMap): CheckFailure[] {
  return Object.entries(specs).flatMap(([property, spec]) => {
    const value = reveal(inputs[property] ?? null);
    if (value === null) return spec.required ? [{ property, reason: "is required" }] : [];
    if (containsUnknown(value) || hasType(value, spec.type)) return [];
    return [{ property, reason: `must be ${typeNames[spec.type]}` }];
  });
}

function typeSpec(type: keyof PropertyTypes): object {
  switch (type) {
    case "strings":
      return { type: "array", items: { type: "string" } };
    case "stringMap":
      return { type: "object", additionalProperties: { type: "string" } };
    case "list":
      return { type: "array", items: { $ref: "pulumi.json#/Any" } };
    default:
      return { type };
  }
}

function properties(specs: PropertySpecs): object {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      { ...typeSpec(spec.type), ...(spec.secret ? { secret: true } : {}) },
    ]),
  );
}

function names(specs: PropertySpecs, select: (spec: PropertySpec) => boolean): string[] {
  return Object.keys(specs).filter((name) => select(specs[name] as PropertySpec));
}

function resourceSpec({ inputs, outputs }: ResourceSchema): object {
  const stored = { ...inputs, ...outputs };
  return {
    properties: properties(stored),
    required: [
      ...names(inputs, (spec) => spec.required === true || spec.default !== undefined),
      ...Object.keys(outputs),
    ],
    inputProperties: properties(inputs),
    requiredInputs: names(inputs, (spec) => spec.required === true),
  };
}

function functionSpec({ inputs, outputs }: ResourceSchema): object {
  const required = names(inputs, (spec) => spec.required === true);
  return {
    inputs: { type: "object", properties: properties(inputs), required },
    outputs: {
      type: "object",
      properties: properties({ ...inputs, ...outputs }),
      required: [...required, ...Object.keys(outputs)],
    },
  };
}

function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => object): object {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

/** The package's schema, as `GetSchema` answers it: only what the stand-in serves. */
export function packageSchema(
  standIn: StandIn,
  resources: Readonly<Record<string, ResourceSchema>>,
  functions: Readonly<Record<string, ResourceSchema>> = {},
): string {
  return JSON.stringify({
    name: standIn.name,
    version: standIn.version,
    resources: mapValues(resources, resourceSpec),
    functions: mapValues(functions, functionSpec),
  });
}
