import type { Provider } from "@pulumi/pulumi/provider/provider.js";
import type { EngineLog } from "../../../tools/plugins/lib/engine.ts";
import { type PropertyMap, type PropertyValue, secret } from "../../../tools/plugins/lib/values.ts";

/** The sentinel by which the engine says that a value is not known before the update. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const secretly = (value: PropertyValue) => secret(value) as PropertyMap;

export const silentLog: EngineLog = {
  info: () => {},
  progress: () => {},
  debug: () => {},
  flushed: () => Promise.resolve(),
};

export function urnOf(type: string, name = "sample"): string {
  return `urn:pulumi:dev::project::component:index:Parent$${type}::${name}`;
}

/** A provider all of whose methods are there, as calls on one resource type. */
export function resourceCalls(provider: Provider, type: string) {
  const { check, create, diff, read, update } = provider;
  if (!(check && create && diff && read && update)) throw new Error("incomplete provider");
  const urn = urnOf(type);
  return {
    failures: async (inputs: PropertyMap) => {
      const { failures = [] } = await check(urn, {}, inputs);
      return Object.fromEntries(failures.map(({ property, reason }) => [property, reason]));
    },
    check: (inputs: PropertyMap) => check(urn, {}, inputs),
    create: (inputs: PropertyMap) => create(urn, inputs),
    diff: (state: PropertyMap, inputs: PropertyMap) => diff("id", urn, state, inputs),
    update: (state: PropertyMap, inputs: PropertyMap) => update(String(state.id), urn, state, inputs),
    read: (id: string, state: PropertyMap) => read(id, urn, state),
    delete: (state: PropertyMap) => provider.delete?.("id", urn, state),
  };
}
