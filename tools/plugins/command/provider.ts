import { randomBytes } from "node:crypto";
import type { CheckFailure, DiffResult, Provider } from "@pulumi/pulumi/provider/provider.js";
import type { EngineLog } from "../lib/engine.ts";
import { checkTypes, type PropertySpecs, packageSchema } from "../lib/schema.ts";
import { nameOf, typeOf } from "../lib/urn.ts";
import { containsUnknown, equal, type PropertyMap, reveal, revealAll } from "../lib/values.ts";
import { standIns } from "../standIns.ts";
import { commandIn, commandSchema, loggedStreams, runCommand, runSchema, stateOf } from "./command.ts";
import { cancelRunning } from "./process.ts";

const commandType = "command:local:Command";
const runFunction = "command:local:run";
const unsupportedInputs = ["archivePaths", "assetPaths"];

function unsupported(token: string): string {
  const { name, version } = standIns.command;
  const served = `${commandType} and ${runFunction}`;
  return `${token} is not served by the stand-in for pulumi-resource-${name} ${version}, only ${served}; it needs the real plugin`;
}

function checkInputs(specs: PropertySpecs, inputs: PropertyMap): CheckFailure[] {
  const isGiven = (name: string) => (inputs[name] ?? null) !== null;
  const foreign = Object.keys(inputs).filter((name) => !(name in specs || name.startsWith("__")));
  const logging = reveal(inputs.logging ?? "none");
  const known = Object.keys(loggedStreams);
  const badLogging = typeof logging === "string" && !containsUnknown(logging) && !known.includes(logging);
  return [
    ...checkTypes(specs, inputs),
    ...foreign.map((property) => ({ property, reason: "is no input of this type" })),
    ...unsupportedInputs.filter(isGiven).map((property) => ({
      property,
      reason: "is not supported by this stand-in",
    })),
    ...(badLogging ? [{ property: "logging", reason: `must be one of ${known.join(", ")}` }] : []),
  ];
}

/**
 * Any changed input is an update; changed triggers, whatever commands there are, a replacement. Marks of secrecy do
 * not count: with `additionalSecretOutputs` the state has some that the inputs have not.
 */
function diff(state: PropertyMap, inputs: PropertyMap): DiffResult {
  const [old, now] = [revealAll(state), revealAll(inputs)];
  const changed = Object.keys(commandSchema.inputs).filter((name) => !equal(old[name], now[name]));
  return { changes: changed.length > 0, replaces: changed.filter((name) => name === "triggers") };
}

/** The command package, as far as local commands go, with the state and replacement rules of the real plugin. */
export function commandProvider(log: EngineLog): Provider {
  return {
    getSchema: async () =>
      packageSchema(standIns.command, { [commandType]: commandSchema }, { [runFunction]: runSchema }),

    async check(urn, _old, inputs: PropertyMap) {
      if (typeOf(urn) === commandType) return { inputs, failures: checkInputs(commandSchema.inputs, inputs) };
      return { inputs, failures: [{ property: "", reason: unsupported(typeOf(urn)) }] };
    },

    diff: async (_id, _urn, state: PropertyMap, inputs: PropertyMap) => diff(state, inputs),

    async create(urn, inputs: PropertyMap) {
      const command = commandIn(inputs, "create");
      const previous = {};
      const output =
        command === undefined
          ? {}
          : await runCommand({ operation: "create", command, inputs, previous, urn, log });
      return { id: nameOf(urn) + randomBytes(4).toString("hex"), outs: stateOf(inputs, { ...output }) };
    },

    async update(_id, urn, previous: PropertyMap, inputs: PropertyMap) {
      const command = commandIn(inputs, "update", "create");
      if (command === undefined) return { outs: stateOf(inputs, previous) };
      const output = await runCommand({ operation: "update", command, inputs, previous, urn, log });
      return { outs: stateOf(inputs, { ...output }) };
    },

    async delete(_id, urn, state: PropertyMap) {
      if (typeOf(urn) !== commandType) throw new Error(unsupported(typeOf(urn)));
      const command = commandIn(state, "delete");
      if (command === undefined) return;
      await runCommand({ operation: "delete", command, inputs: state, previous: state, urn, log });
    },

    /** Nothing outside the state exists that could have changed. */
    read: async (id, _urn, state: PropertyMap) => ({ id, props: state }),

    async invoke(token, inputs: PropertyMap) {
      if (token !== runFunction) throw new Error(unsupported(token));
      const failures = checkInputs(runSchema.inputs, inputs);
      if (failures.length > 0) return { outputs: {}, failures };
      const command = commandIn(inputs, "command") ?? "";
      const output = await runCommand({ operation: "run", command, inputs, previous: {}, urn: "", log });
      return { outputs: stateOf(inputs, { ...output }) };
    },

    cancel: async () => cancelRunning(),
  };
}
