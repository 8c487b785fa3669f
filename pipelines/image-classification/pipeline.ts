import { definePipeline, run, succeeded, text } from "../builder/index.ts";
import { addDeployment } from "../shared/deployment.ts";
import { addGates } from "../shared/gates.ts";
import { addNotifications } from "../shared/notifications.ts";
import {
  checkpoints,
  datasets,
  modelParameters,
  ownership,
  trainingParameters,
} from "../shared/parameters.ts";
import { deadlines, trains } from "../shared/sizes.ts";

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
  serving: true,
  deadline: deadlines.training,
  schedule: { schedules: ["30 2 * * *"] },
  steps: (flow, parameters) => {
    const { model, dataset, network, pretrained, epochs, seed, hyperparameters } = parameters;
    const registeredModel = parameters["registered-model"];
    const train = flow.add("train", {
      ...trains,
      runs: "train",
      parameters: {
        model: network,
        dataset,
        pretrained,
        epochs,
        seed,
        hyperparameters,
        "registered-model": registeredModel,
        "run-key": run.uid,
        checkpoints,
      },
      outputs: ["model-version"],
    });
    const registeredVersion = train.outputs["model-version"];
    const approved = addGates(flow, { model, registeredModel, registeredVersion, dataset });
    addDeployment(flow, { model, dataset, registeredVersion, after: [succeeded(approved)] });
  },
  atExit: (flow, { model }) => addNotifications(flow, model, "promoted"),
});
