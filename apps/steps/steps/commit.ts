import { promote } from "@mlops/registry";
import { awaitGateways } from "../lib/acknowledge.ts";
import { claimedVersion, completeManifest, showAliases } from "../lib/deployments.ts";
import { modelName, number, versionNumber } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

export const commit = defineStep({
  name: "commit",
  about: "Makes the candidate live, and waits until every gateway sends requests to it.",
  flags: {
    model: modelName,
    version: versionNumber,
    timeout: number("seconds until every gateway must have acknowledged", 60, 1, 3600),
  },
  outputs: {
    "served-name": "what is live now",
    "previous-name": "what was live before, empty for the first",
    epoch: "epoch of the record",
  },
  run: async (context, { model, version, timeout }, write) => {
    const deployment = await claimedVersion(context, model, version);
    // A replica may still hold what was taken back; after a restart it could not load it again.
    await completeManifest(context, deployment);
    const name = deployment.servedName;
    await context.change(model, (state) => promote(state, name));
    const { epoch, live, previous } = await context.record(model);
    context.log(`${name} is live since epoch ${epoch}`);
    await awaitGateways(context, model, epoch, timeout);
    context.log("every gateway has acknowledged");
    await showAliases(context, model);
    write({
      "served-name": live?.servedName ?? "",
      "previous-name": previous?.servedName ?? "",
      epoch: String(epoch),
    });
  },
});
