import { definePipeline, succeeded, text } from "../builder/index.ts";
import { addDeployment } from "../shared/deployment.ts";
import { addGates } from "../shared/gates.ts";
import { addNotifications } from "../shared/notifications.ts";
import { datasets, modelParameters, ownership, trainingParameters } from "../shared/parameters.ts";
import { deadlines } from "../shared/sizes.ts";
import { addTraining } from "../shared/training.ts";

/** The whole way of a model: trained, through both gates, deployed. Runs every night. */
export const imageClassification = definePipeline({
  name: "image-classification",
  description: "Trains an image classifier, takes it through both gates and deploys it to Triton",
  ...ownership,
  parameters: {
    ...modelParameters,
    network: text({ description: "Architecture", default: "resnet18", oneOf: ["mlp", "cnn", "resnet18"] }),
    dataset: text({ description: "Data set", default: "digits", oneOf: datasets }),
    pretrained: text({ description: "Weights to start from (s3://...); empty: from scratch", default: "" }),
    ...trainingParameters,
  },
  serving: ["triton"],
  deadline: deadlines.training,
  schedule: { schedules: ["30 2 * * *"] },
  steps: (flow, parameters) => {
    const { model, dataset, network, pretrained, epochs, seed, hyperparameters } = parameters;
    const registeredModel = parameters["registered-model"];
    const registeredVersion = addTraining(flow, {
      network,
      dataset,
      pretrained,
      epochs,
      seed,
      hyperparameters,
      registeredModel,
    });
    const approved = addGates(flow, { model, registeredModel, registeredVersion, dataset });
    addDeployment(flow, { model, registeredVersion, after: [succeeded(approved)] });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "promoted"),
});
