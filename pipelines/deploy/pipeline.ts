import { definePipeline, text } from "../builder/index.ts";
import { addDeployment } from "../shared/deployment.ts";
import { addNotifications } from "../shared/notifications.ts";
import { datasets, modelParameters, ownership } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";

/** Deploys the version that passed both gates and was chosen. */
export const deploy = definePipeline({
  name: "deploy",
  description: "Deploys to Triton the version that passed both gates and was chosen for deployment",
  ...ownership,
  parameters: {
    model: modelParameters.model,
    dataset: text({
      description: "Data set that the model was trained on",
      default: "digits",
      oneOf: datasets,
    }),
  },
  serving: true,
  deadline: deadlines.deployment,
  steps: (flow, { model, dataset }) => addDeployment(flow, { model, dataset }),
  atExit: (flow, { model }) => addNotifications(flow, model, "promoted"),
});
