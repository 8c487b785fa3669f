import type { CheckFailure } from "@pulumi/pulumi/provider/provider.js";
import type { PropertySpec, PropertySpecs, ResourceSchema, Values } from "../lib/schema.ts";
import {
  containsSecret,
  equal,
  isMap,
  type PropertyMap,
  type PropertyValue,
  reveal,
  revealAll,
  secret,
} from "../lib/values.ts";

/** What a resource made: its id and its outputs beside the inputs. */
export interface Made {
  readonly id: string;
  readonly outputs: PropertyMap;
}

/** One resource type of the random package, as the real (bridged Terraform) plugin knows it. */
export interface RandomResource<Inputs extends PropertySpecs = PropertySpecs> extends ResourceSchema {
  readonly inputs: Inputs;
  /** Version of the Terraform schema, which the real plugin keeps in its state to migrate from; absent for 0. */
  readonly schemaVersion?: number;
  /** Whether the state also holds the id as a property. */
  readonly storesId: boolean;
  /** Derives inputs that were not given from those that were, before defaults are filled in. */
  complete?(given: PropertyMap): PropertyMap;
  /** What types alone cannot tell is wrong with the inputs; called when all of them are known. */
  validate?(inputs: Values<Inputs>): CheckFailure[];
  make(inputs: Values<Inputs>): Made | Promise<Made>;
}

/** Inputs that every type has. */
export const keepers = { keepers: { type: "stringMap" } } as const satisfies PropertySpecs;

/** Brings a value to its type as the real plugin does, which takes "16" for 16 and 1 for "1" in a map. */
function coerce(value: PropertyValue, { type }: PropertySpec): PropertyValue {
  if (type === "integer" && typeof value === "string" && /^-?\d+$/.test(value)) return Number(value);
  if (type !== "stringMap" || !isMap(value)) return value;
  const isScalar = (item: PropertyValue) => typeof item === "number" || typeof item === "boolean";
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([name, item]) => [name, isScalar(item) ? String(item) : item]));
}

/** The inputs as the real plugin stores them: revealed, coerced, with defaults, without what is absent or foreign. */
export function completed(resource: RandomResource, inputs: PropertyMap): PropertyMap {
  const revealed = revealAll(inputs);
  const given = resource.complete?.(revealed) ?? revealed;
  const values = Object.entries(resource.inputs).flatMap(([name, spec]) => {
    const value = given[name] ?? spec.default ?? null;
    return value === null ? [] : [[name, coerce(value, spec)] as const];
  });
  return Object.fromEntries(values);
}

/** An input as it is stored: just as it was given, marks of secrecy included, unless it had to be coerced. */
function storedInput(given: PropertyValue, value: PropertyValue): PropertyValue {
  if (equal(reveal(given), value)) return given;
  return containsSecret(given) ? secret(value) : value;
}

/** The whole state of a resource. */
export function stateOf(resource: RandomResource, inputs: PropertyMap, { id, outputs }: Made): PropertyMap {
  const stored = Object.entries(completed(resource, inputs)).map(
    ([name, value]) => [name, storedInput(inputs[name] ?? null, value)] as const,
  );
  const made = Object.entries(outputs).map(
    ([name, value]) => [name, resource.outputs[name]?.secret ? secret(value) : value] as const,
  );
  return {
    ...Object.fromEntries([...stored, ...made]),
    ...(resource.storesId && { id }),
    ...(resource.schemaVersion !== undefined && {
      __meta: JSON.stringify({ schema_version: String(resource.schemaVersion) }),
    }),
  };
}
