import { definePipeline } from "../builder/index.ts";
import {
  addCandidate,
  addPerformance,
  datasetParameters,
  llmParameters,
  performanceParameters,
} from "../shared/llm.ts";
import { addNotifications } from "../shared/notifications.ts";
import { ownership } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";

/** The performance gate for the staged candidate. */
export const llmPerformance = definePipeline({
  name: "llm-performance",
  description:
    "Measures the staged candidate and live under load, interleaved, and decides by limits and ratios",
  ...ownership,
  parameters: { ...llmParameters, ...datasetParameters, ...performanceParameters },
  serving: ["vllm"],
  deadline: deadlines.evaluation,
  steps: (flow, parameters) => {
    addPerformance(flow, parameters, { version: addCandidate(flow, parameters) });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "succeeded"),
});
