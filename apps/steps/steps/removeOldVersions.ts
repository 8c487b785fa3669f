import { removeOldVersions as remove } from "@mlops/registry";
import { modelName } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

/** Besides live, previous and the candidate: as far as one can go back by hand. */
const DEFAULT_KEPT = 5;

export const removeOldVersions = defineStep({
  name: "remove-old-versions",
  about:
    "Removes the files of old versions: all but what the record names, what is on its way, and the newest others.",
  flags: { model: modelName },
  outputs: {},
  run: async (context, { model }) => {
    const kept = context.environment.optional("MLOPS_KEPT_VERSIONS") ?? DEFAULT_KEPT;
    const removed = await remove(context.registry, { model, kept, actor: context.actor });
    context.log(removed.length === 0 ? "nothing to remove" : `removed: ${removed.join(", ")}`);
  },
});
