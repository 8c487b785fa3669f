import { rollback as rollBack } from "@mlops/registry";
import { awaitGateways } from "../lib/acknowledge.ts";
import { showAliases } from "../lib/deployments.ts";
import { modelName, number, text } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

export const rollback = defineStep({
  name: "rollback",
  about: "Goes back from a live version to the one before it, which is still loaded.",
  flags: {
    model: modelName,
    from: text(
      "served name of the version to leave, as show-live prints it: so it is left once, however often this runs",
    ),
    timeout: number("seconds until every gateway must have acknowledged", 60, 1, 3600),
  },
  outputs: { "served-name": "what is live now", epoch: "epoch of the record" },
  run: async (context, { model, from, timeout }, write) => {
    await context.change(model, (state) => rollBack(state, from));
    const { epoch, live } = await context.record(model);
    context.log(`${live?.servedName} is live since epoch ${epoch}`);
    await awaitGateways(context, model, epoch, timeout);
    context.log("every gateway has acknowledged");
    await showAliases(context, model);
    write({ "served-name": live?.servedName ?? "", epoch: String(epoch) });
  },
});
