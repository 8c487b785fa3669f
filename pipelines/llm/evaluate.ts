import { definePipeline } from "../builder/index.ts";
import {
  addCandidate,
  addEvaluation,
  datasetParameters,
  evaluationParameters,
  llmParameters,
} from "../shared/llm.ts";
import { addNotifications } from "../shared/notifications.ts";
import { ownership } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";

/** The evaluation gate for the staged candidate. */
export const llmEvaluate = definePipeline({
  name: "llm-evaluate",
  description:
    "Has a judge grade the answers of the staged candidate and of live, and decides by the difference",
  ...ownership,
  parameters: { ...llmParameters, ...datasetParameters, ...evaluationParameters },
  serving: ["vllm"],
  deadline: deadlines.evaluation,
  steps: (flow, parameters) => {
    addEvaluation(flow, parameters, { version: addCandidate(flow, parameters) });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "succeeded"),
});
