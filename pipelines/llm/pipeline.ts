import { definePipeline, succeeded } from "../builder/index.ts";
import {
  addEvaluation,
  addFineTuning,
  addPerformance,
  addPromotion,
  addStaging,
  datasetParameters,
  evaluationParameters,
  llmParameters,
  performanceParameters,
  promotionParameters,
  registeredParameter,
  tuningParameters,
} from "../shared/llm.ts";
import { addNotifications } from "../shared/notifications.ts";
import { ownership } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";
import { addWithdrawal } from "../shared/staging.ts";

/** The whole way of an adapter, from data to live traffic. */
export const llm = definePipeline({
  name: "llm",
  description: "Trains an adapter, stages it, takes it through every gate and a canary, and makes it live",
  ...ownership,
  parameters: {
    ...llmParameters,
    ...registeredParameter,
    ...datasetParameters,
    ...tuningParameters,
    ...evaluationParameters,
    ...performanceParameters,
    ...promotionParameters,
  },
  serving: ["vllm"],
  deadline: deadlines.llm,
  steps: (flow, parameters) => {
    const { chosen, registeredVersion } = addFineTuning(flow, parameters);
    const staged = addStaging(flow, parameters, { registeredVersion, after: [succeeded(chosen)] });
    const { version } = staged;
    const evaluation = addEvaluation(flow, parameters, { version, after: [succeeded(staged.last)] });
    // Not at the same time: one would be the other's load.
    const performance = addPerformance(flow, parameters, { version, after: [succeeded(evaluation.last)] });
    const promotion = addPromotion(flow, parameters, { version, after: [succeeded(performance.last)] });
    addWithdrawal(flow, parameters.model, staged, [
      ...staged.steps,
      ...evaluation.steps,
      ...performance.steps,
      ...promotion.steps,
    ]);
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "promoted"),
});
