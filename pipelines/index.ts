/** Every pipeline of the platform: one table. */
import type { Pipeline } from "./builder/index.ts";
import { deploy } from "./deploy/pipeline.ts";
import { imageClassification } from "./image-classification/pipeline.ts";
import { llmDeploy } from "./llm/deploy.ts";
import { llmEvaluate } from "./llm/evaluate.ts";
import { llmFineTune } from "./llm/fineTune.ts";
import { llmPerformance } from "./llm/performance.ts";
import { llm } from "./llm/pipeline.ts";
import { llmPromote } from "./llm/promote.ts";
import { mnist } from "./mnist/pipeline.ts";
import { rollback } from "./rollback/pipeline.ts";
import { search } from "./search/pipeline.ts";

export const pipelines: readonly Pipeline[] = [
  mnist,
  imageClassification,
  deploy,
  rollback,
  search,
  llm,
  llmFineTune,
  llmDeploy,
  llmEvaluate,
  llmPerformance,
  llmPromote,
];
