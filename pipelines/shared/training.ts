import { type Flow, type Reference, run, type Value } from "../builder/index.ts";
import { checkpoints } from "./parameters.ts";
import { trains } from "./sizes.ts";

export interface Training {
  /** Architecture. */
  readonly network: Value;
  readonly dataset: Value;
  /** Whether it starts from pretrained weights; the step's own default if absent. */
  readonly pretrained?: Value;
  readonly epochs: Value;
  readonly seed: Value;
  /** JSON object. */
  readonly hyperparameters: Value;
  readonly registeredModel: Value;
}

/**
 * Trains and registers a model; a retry goes on with the same MLflow run after its last checkpoint.
 *
 * @returns the registered version.
 */
export function addTraining(flow: Flow, training: Training): Reference {
  const { network, dataset, pretrained, epochs, seed, hyperparameters, registeredModel } = training;
  const train = flow.add("train", {
    ...trains,
    runs: "train",
    parameters: {
      model: network,
      dataset,
      ...(pretrained === undefined ? {} : { pretrained }),
      epochs,
      seed,
      hyperparameters,
      "registered-model": registeredModel,
      "run-key": run.uid,
      checkpoints,
    },
    outputs: ["model-version"],
  });
  return train.outputs["model-version"];
}
