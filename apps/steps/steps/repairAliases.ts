import { showAliases } from "../lib/deployments.ts";
import { modelName } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

export const repairAliases = defineStep({
  name: "repair-aliases",
  about: "Makes MLflow's aliases say what the record says, after somebody changed them by hand.",
  flags: { model: modelName },
  outputs: {},
  run: async (context, { model }) => {
    await context.record(model);
    await showAliases(context, model);
  },
});
