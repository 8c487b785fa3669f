import { definePipeline } from "../builder/index.ts";
import {
  addFineTuning,
  datasetParameters,
  llmParameters,
  registeredParameter,
  tuningParameters,
} from "../shared/llm.ts";
import { addNotifications } from "../shared/notifications.ts";
import { ownership } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";

/** Trains an adapter and chooses it for deployment. */
export const llmFineTune = definePipeline({
  name: "llm-fine-tune",
  description:
    "Trains an adapter of a language model, and chooses it for deployment if it has learnt its task",
  ...ownership,
  parameters: { ...llmParameters, ...registeredParameter, ...datasetParameters, ...tuningParameters },
  // The base model comes with what serves it.
  serving: ["vllm"],
  deadline: deadlines.training,
  steps: (flow, parameters) => {
    addFineTuning(flow, parameters);
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "succeeded"),
});
