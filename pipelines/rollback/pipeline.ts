import { definePipeline } from "../builder/index.ts";
import { addNotifications } from "../shared/notifications.ts";
import { modelParameters, ownership } from "../shared/parameters.ts";
import { deadlines, decides } from "../shared/sizes.ts";

/** Makes the version before live again; it is still loaded. */
export const rollback = definePipeline({
  name: "rollback",
  description: "Makes the version before the live one live again",
  ...ownership,
  parameters: { model: modelParameters.model },
  // Gateways have to acknowledge; which servers hold the versions is nothing to them.
  serving: [],
  deadline: deadlines.deployment,
  steps: (flow, { model }) => {
    const live = flow.add("show-live", {
      ...decides,
      runs: "show-live",
      parameters: { model },
      outputs: ["served-name"],
    });
    flow.add("rollback", {
      ...decides,
      runs: "rollback",
      // Named once: a second try must not go back one version more.
      parameters: { model, from: live.outputs["served-name"] },
    });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "rolled-back"),
});
