import { definePipeline, integer, item, run, type Step, succeeded, text } from "../builder/index.ts";
import { addGates } from "../shared/gates.ts";
import { addNotifications } from "../shared/notifications.ts";
import { datasets, modelParameters, ownership, trainingParameters } from "../shared/parameters.ts";
import { deadlines, measures, trains } from "../shared/sizes.ts";
import { addTraining } from "../shared/training.ts";

/** Later rounds learn from the ones before. */
const rounds = [0, 1] as const;

/** An Optuna study: rounds of parallel trials on validation data, then the best of all into the gates. */
export const search = definePipeline({
  name: "search",
  description:
    "Searches hyperparameters in two rounds of parallel trials, and takes the best through both gates",
  ...ownership,
  parameters: {
    ...modelParameters,
    network: text({ description: "Architecture", default: "mlp", oneOf: ["mlp", "cnn", "resnet18"] }),
    dataset: text({ description: "Data set", default: "digits", oneOf: datasets }),
    trials: integer({ description: "Trials in each round", default: 4, minimum: 1, maximum: 100 }),
    epochs: trainingParameters.epochs,
    seed: trainingParameters.seed,
  },
  deadline: deadlines.training,
  parallelism: 8,
  steps: (flow, parameters) => {
    const { model, dataset, network, epochs, seed, trials } = parameters;
    const registeredModel = parameters["registered-model"];
    const study = { study: run.uid };
    let before: Step | undefined;
    for (const round of rounds) {
      const plan = flow.add(`plan-${round}`, {
        ...measures,
        runs: "search plan",
        parameters: { ...study, round, trials, seed },
        outputs: ["plan"],
        ...(before === undefined ? {} : { after: [succeeded(before)] }),
      });
      before = flow.add(`trial-${round}`, {
        ...trains,
        // Side by side, so each gets one core.
        resources: measures.resources,
        runs: "search trial",
        parameters: {
          ...study,
          round,
          plan: plan.outputs.plan,
          index: item,
          model: network,
          dataset,
          epochs,
          seed,
          threads: 1,
        },
        repeat: trials,
      });
    }
    const best = flow.add("best", {
      ...measures,
      runs: "search best",
      parameters: study,
      outputs: ["hyperparameters"],
      after: before === undefined ? [] : [succeeded(before)],
    });
    const registeredVersion = addTraining(flow, {
      network,
      dataset,
      epochs,
      seed,
      hyperparameters: best.outputs.hyperparameters,
      registeredModel,
    });
    addGates(flow, { model, registeredModel, registeredVersion, dataset });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "succeeded"),
});
