/** Every pipeline of the platform: one table. */
import type { Pipeline } from "./builder/index.ts";
import { deploy } from "./deploy/pipeline.ts";
import { imageClassification } from "./image-classification/pipeline.ts";
import { mnist } from "./mnist/pipeline.ts";
import { rollback } from "./rollback/pipeline.ts";
import { search } from "./search/pipeline.ts";

export const pipelines: readonly Pipeline[] = [mnist, imageClassification, deploy, rollback, search];
