import { servedName } from "@mlops/registry";
import { modelName, versionNumber } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";
import { endCanary as end } from "./canary.ts";

export const endCanary = defineStep({
  name: "end-canary",
  about:
    "Takes back the candidate's share of live's requests after a promotion that failed; it stays staged.",
  flags: { model: modelName, version: versionNumber },
  outputs: {},
  run: async (context, { model, version }) => end(context, model, servedName(model, version)),
});
