import { definePipeline } from "../builder/index.ts";
import { addDeployment } from "../shared/deployment.ts";
import { addNotifications } from "../shared/notifications.ts";
import { modelParameters, ownership } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";

/** Deploys the version that passed both gates and was chosen. */
export const deploy = definePipeline({
  name: "deploy",
  description: "Deploys to Triton the version that passed both gates and was chosen for deployment",
  ...ownership,
  parameters: { model: modelParameters.model },
  serving: ["triton"],
  deadline: deadlines.deployment,
  steps: (flow, { model }) => addDeployment(flow, { model }),
  atExit: (flow, { model }) => addNotifications(flow, model, "promoted"),
});
