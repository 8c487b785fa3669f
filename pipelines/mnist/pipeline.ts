import { definePipeline, integer, text } from "../builder/index.ts";
import { addGates } from "../shared/gates.ts";
import { addNotifications } from "../shared/notifications.ts";
import { modelParameters, ownership, trainingParameters } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";
import { addTraining } from "../shared/training.ts";

/** Handwritten digits: trains a small network and takes it through both gates. */
export const mnist = definePipeline({
  name: "mnist",
  description: "Trains a small network on handwritten digits and takes it through both gates",
  ...ownership,
  parameters: {
    ...modelParameters,
    network: text({ description: "Architecture", default: "mlp", oneOf: ["mlp", "cnn"] }),
    dataset: text({
      description: "MNIST, or scikit-learn's digits, which need no download",
      default: "digits",
      oneOf: ["digits", "mnist"],
    }),
    ...trainingParameters,
    // Enough for both networks: each is trained in less than a minute on two cores.
    epochs: integer({ description: "Most epochs", default: 15, minimum: 1, maximum: 10_000 }),
  },
  deadline: deadlines.training,
  steps: (flow, parameters) => {
    const { model, dataset, network, epochs, seed, hyperparameters } = parameters;
    const registeredModel = parameters["registered-model"];
    const registeredVersion = addTraining(flow, {
      network,
      dataset,
      epochs,
      seed,
      hyperparameters,
      registeredModel,
    });
    addGates(flow, { model, registeredModel, registeredVersion, dataset });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "succeeded"),
});
