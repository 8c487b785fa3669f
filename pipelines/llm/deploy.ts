import { definePipeline, succeeded } from "../builder/index.ts";
import { addStaging, datasetParameters, llmParameters } from "../shared/llm.ts";
import { addNotifications } from "../shared/notifications.ts";
import { ownership } from "../shared/parameters.ts";
import { deadlines, decides } from "../shared/sizes.ts";
import { addWithdrawal } from "../shared/staging.ts";

/** Makes the chosen adapter the candidate, which clients do not get yet. */
export const llmDeploy = definePipeline({
  name: "llm-deploy",
  description:
    "Loads the chosen adapter on every replica, and makes sure that it is the one that answers: staged",
  ...ownership,
  parameters: { ...llmParameters, ...datasetParameters },
  serving: ["vllm"],
  deadline: deadlines.deployment,
  steps: (flow, parameters) => {
    const { model } = parameters;
    const staged = addStaging(flow, parameters);
    flow.add("staged", {
      ...decides,
      runs: "show-live",
      parameters: { model },
      after: [succeeded(staged.last)],
    });
    addWithdrawal(flow, model, staged, staged.steps);
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "succeeded"),
});
