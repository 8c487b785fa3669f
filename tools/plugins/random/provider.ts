import type { DiffResult, Provider } from "@pulumi/pulumi/provider/provider.js";
import { checkTypes, packageSchema, type Values } from "../lib/schema.ts";
import { typeOf } from "../lib/urn.ts";
import { containsUnknown, equal, isMap, type PropertyMap, type PropertyValue } from "../lib/values.ts";
import { standIns } from "../standIns.ts";
import { randomInteger, randomShuffle } from "./choices.ts";
import { randomBytes, randomId, randomUuid, randomUuid4 } from "./identifiers.ts";
import { randomPassword, randomString } from "./password.ts";
import { completed, type RandomResource, stateOf } from "./resource.ts";

/** What the stand-in serves, by type token. */
export const resources: Readonly<Record<string, RandomResource>> = {
  "random:index/randomBytes:RandomBytes": randomBytes,
  "random:index/randomId:RandomId": randomId,
  "random:index/randomInteger:RandomInteger": randomInteger,
  "random:index/randomPassword:RandomPassword": randomPassword,
  "random:index/randomShuffle:RandomShuffle": randomShuffle,
  "random:index/randomString:RandomString": randomString,
  "random:index/randomUuid4:RandomUuid4": randomUuid4,
  "random:index/randomUuid:RandomUuid": randomUuid,
};

function unsupported(type: string): string {
  const served = Object.keys(resources).map((token) => token.split(":").at(-1));
  const { name, version } = standIns.random;
  return `${type} is not served by the stand-in for pulumi-resource-${name} ${version}, only ${served.join(", ")}; it needs the real plugin`;
}

function resourceOf(urn: string): RandomResource {
  const resource = resources[typeOf(urn)];
  if (!resource) throw new Error(unsupported(typeOf(urn)));
  return resource;
}

const isNothing = (value: PropertyValue | undefined) =>
  value === undefined || (isMap(value) && Object.keys(value).length === 0);

/**
 * Every changed input makes a new value, but for the two that the real plugin only records: empty keepers
 * instead of none or the reverse, and an empty overrideSpecial that goes away.
 */
function onlyRecorded(name: string, old: PropertyValue | undefined, now: PropertyValue | undefined): boolean {
  if (name === "keepers") return isNothing(old) && isNothing(now);
  return name === "overrideSpecial" && old === "" && now === undefined;
}

/** Compares what would be stored with what is; properties that are no inputs, such as __meta, do not count. */
function diff(resource: RandomResource, state: PropertyMap, inputs: PropertyMap): DiffResult {
  // Completed like the inputs: a state from an older plugin may lack what has a default now.
  const old = completed(resource, state);
  const now = completed(resource, inputs);
  const changed = Object.keys(resource.inputs).filter((name) => !equal(old[name], now[name]));
  const replaces = changed.filter((name) => !onlyRecorded(name, old[name], now[name]));
  return { changes: changed.length > 0, replaces };
}

function known(inputs: PropertyMap): Values<RandomResource["inputs"]> {
  return inputs as Values<RandomResource["inputs"]>;
}

/** The random package, with the types, state and replacement rules of the real plugin. */
export const randomProvider: Provider = {
  getSchema: async () => packageSchema(standIns.random, resources),

  async check(urn, _old, inputs: PropertyMap) {
    const resource = resources[typeOf(urn)];
    if (!resource) return { inputs, failures: [{ property: "", reason: unsupported(typeOf(urn)) }] };
    const values = completed(resource, inputs);
    const failures = checkTypes(resource.inputs, values);
    if (failures.length > 0 || containsUnknown(values)) return { inputs, failures };
    return { inputs, failures: resource.validate?.(known(values)) ?? [] };
  },

  diff: async (_id, urn, state: PropertyMap, inputs: PropertyMap) => diff(resourceOf(urn), state, inputs),

  async create(urn, inputs: PropertyMap) {
    const resource = resourceOf(urn);
    const made = await resource.make(known(completed(resource, inputs)));
    return { id: made.id, outs: stateOf(resource, inputs, made) };
  },

  async update(id, urn, state: PropertyMap, inputs: PropertyMap) {
    const resource = resourceOf(urn);
    const outputs = Object.fromEntries(
      Object.keys(resource.outputs).map((name) => [name, state[name] ?? null]),
    );
    return { outs: stateOf(resource, inputs, { id, outputs }) };
  },

  /** Nothing outside the state exists that could have changed, or be looked up by an id. */
  async read(id, urn, state: PropertyMap) {
    if (Object.keys(state).length > 0) return { id, props: state };
    throw new Error(`${typeOf(urn)} cannot be looked up by an id under the stand-in`);
  },

  delete: async () => {},
};
