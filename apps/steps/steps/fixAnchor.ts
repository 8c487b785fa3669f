import { measuredLoads } from "@mlops/gates";
import { RefusedError } from "@mlops/registry";
import { anchorOf, fixAnchor as fix } from "../lib/anchor.ts";
import { modelName, text } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

export const fixAnchor = defineStep({
  name: "fix-anchor",
  about: "Fixes the load of what is live as the anchor of gate performance, in the place of the one before.",
  flags: { model: modelName, loads: text("file that `measure-performance` wrote") },
  outputs: {},
  run: async (context, { model, loads: path }) => {
    const { conditions, live, candidate } = context.files.readJson(path, measuredLoads);
    const record = await context.record(model);
    // Before anything is live, the anchor is that of a candidate which may never be: another one must be able to follow.
    const wanted = (record.live ?? record.candidate)?.servedName;
    const measured = [live, candidate].find((one) => one?.served_name === wanted);
    if (measured === undefined || measured === null) {
      throw new RefusedError(
        `${path} holds no load of ${wanted ?? "a live version"}: only what is live can be the anchor, or the candidate ` +
          "where nothing is",
      );
    }
    const before = await anchorOf(context.registry, model);
    const { served_name: servedName, load } = measured;
    await fix(context, model, { servedName, anchor: { conditions, load } }, { replace: true });
    context.log(`${servedName} is the anchor of ${model}, before it was ${before?.servedName ?? "none"}`);
  },
});
