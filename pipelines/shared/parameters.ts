/** Parameters that several pipelines have. */
import { integer, type Parameter, text } from "../builder/index.ts";

/** Who answers for the platform's own pipelines, and their queue. */
export const ownership = { owner: "platform", queue: "default" } as const;

export const modelParameters = {
  model: text({ description: "Stable name that clients ask for", default: "digits" }),
  "registered-model": text({ description: "Name in MLflow's registry", default: "digits-classifier" }),
} as const satisfies Record<string, Parameter>;

export const datasets = ["digits", "mnist", "cifar10", "imagenette"] as const;

export const trainingParameters = {
  epochs: integer({ description: "Most epochs", default: 30, minimum: 1, maximum: 10_000 }),
  seed: integer({ description: "Of weights, order and augmentation", default: 0, minimum: 0 }),
  hyperparameters: text({ description: "JSON object; those not named keep their defaults", default: "{}" }),
} as const satisfies Record<string, Parameter>;

/** The bucket is known to a step's environment only; Kubernetes fills it in. */
export const checkpoints = "s3://$(MLOPS_BUCKET_MLFLOW_ARTIFACTS)/checkpoints";
