import { anyOf, definePipeline, failed } from "../builder/index.ts";
import {
  addCandidate,
  addPromotion,
  datasetParameters,
  llmParameters,
  promotionParameters,
} from "../shared/llm.ts";
import { addNotifications } from "../shared/notifications.ts";
import { ownership } from "../shared/parameters.ts";
import { deadlines, decides } from "../shared/sizes.ts";

/** Makes the staged candidate live, if it has passed every gate. */
export const llmPromote = definePipeline({
  name: "llm-promote",
  description:
    "Gives the staged candidate growing shares of live's requests, stops on trouble, then makes it live",
  ...ownership,
  parameters: { ...llmParameters, ...datasetParameters, ...promotionParameters },
  serving: ["vllm"],
  deadline: deadlines.evaluation,
  steps: (flow, parameters) => {
    const { model } = parameters;
    const version = addCandidate(flow, parameters);
    const { steps } = addPromotion(flow, parameters, { version });
    flow.add("end-canary", {
      ...decides,
      rerun: true,
      runs: "end-canary",
      parameters: { model, version },
      after: [anyOf(...steps.map((step) => failed(step)))],
    });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "promoted"),
});
