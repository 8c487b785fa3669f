import type { Provider } from "@pulumi/pulumi/provider/provider.js";
import { taggedTypes } from "../../../policy/rules/aws/tags.ts";
import { nameOf, typeOf } from "../lib/urn.ts";
import { equal, isMap, type PropertyMap, type PropertyValue, reveal, revealAll } from "../lib/values.ts";
import { rehearsalPlugins } from "../standIns.ts";
import { answer } from "./answers.ts";
import { type Entry, record } from "./journal.ts";
import type { Rehearsal } from "./rehearsal.ts";

/** Property of the state that lists the inputs, so that one which goes away is a change. */
const inputNames = "__inputs";

const namesOf = (inputs: PropertyMap): string[] => Object.keys(inputs).sort();

/** Whether what is stored says all that is wanted; AWS adds to maps, so they may say more. */
function says(stored: PropertyValue | undefined, wanted: PropertyValue | undefined): boolean {
  if (!isMap(stored) || !isMap(wanted)) return equal(stored, wanted);
  return Object.keys(wanted).every((key) => says(stored[key], wanted[key]));
}

/**
 * An AWS that keeps nothing: every resource is made at once, with plausible ids, and its inputs stay in the
 * state, where tests read them. Every change is an update in place, which the real provider knows better.
 * Every operation is written into the journal, in the order in which they were asked for.
 */
export function recordingProvider({ place, tags, journal }: Omit<Rehearsal, "kubeconfig">): Provider {
  const write = (operation: Entry["operation"], urn: string): void =>
    record(journal, { operation, type: typeOf(urn), name: nameOf(urn) });
  const stateOf = (urn: string, inputs: PropertyMap): { id: string; outs: PropertyMap } => {
    const { id, outputs } = answer(typeOf(urn), urn, nameOf(urn), inputs, place);
    return { id, outs: { ...inputs, ...outputs, [inputNames]: namesOf(inputs) } };
  };
  return {
    getSchema: async () => {
      const { name, version } = rehearsalPlugins.aws;
      return JSON.stringify({ name, version });
    },

    /** As the real provider does, which adds its default tags to those of each resource. */
    async check(urn, _old, inputs: PropertyMap) {
      if (!taggedTypes.includes(typeOf(urn))) return { inputs };
      const own = reveal(inputs.tags ?? {});
      return { inputs: { ...inputs, tags: { ...tags, ...(isMap(own) ? own : {}) } } };
    },

    async diff(_id, _urn, state: PropertyMap, inputs: PropertyMap) {
      const [old, now] = [revealAll(state), revealAll(inputs)];
      const gone = !equal(old[inputNames], namesOf(now));
      return { changes: gone || Object.keys(now).some((name) => !says(old[name], now[name])) };
    },

    async create(urn, inputs: PropertyMap) {
      write("create", urn);
      return stateOf(urn, inputs);
    },

    async update(_id, urn, _state, inputs: PropertyMap) {
      write("update", urn);
      return { outs: stateOf(urn, inputs).outs };
    },

    read: async (id, _urn, state: PropertyMap) => ({ id, props: state }),

    delete: async (_id, urn) => write("delete", urn),

    async invoke(token) {
      throw new Error(`${token} asks AWS, which a rehearsal does not`);
    },
  };
}
