import { RefusedError } from "@mlops/registry";
import { showAliases } from "../lib/deployments.ts";
import { modelName, optionalText } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

export const resolve = defineStep({
  name: "resolve",
  about: "Fetches what is to be deployed: MLflow's alias deploy, which the record decides.",
  flags: {
    model: modelName,
    "registered-version": optionalText("the version that must be meant; any if it is not given"),
  },
  outputs: {
    "registered-model": "registered model in MLflow",
    "registered-version": "its version",
    "run-id": "the run that made it",
    "model-uri": "models:/NAME/VERSION, for MLflow's clients",
  },
  run: async (context, { model, "registered-version": expected }, write) => {
    const { intent } = await context.record(model);
    if (intent === undefined) {
      throw new RefusedError(
        `nothing is chosen for deployment as ${model} (alias deploy is missing): the last choice was rolled back; ` +
          "a version must pass the gates first",
      );
    }
    const { runId, registeredModel, registeredVersion } = intent.source;
    if (expected !== undefined && expected !== registeredVersion) {
      throw new RefusedError(
        `version ${registeredVersion} of ${registeredModel} is chosen for deployment meanwhile, not ${expected}`,
      );
    }
    await showAliases(context, model);
    context.log(`to be deployed: version ${registeredVersion} of ${registeredModel}, run ${runId}`);
    write({
      "registered-model": registeredModel,
      "registered-version": registeredVersion,
      "run-id": runId,
      "model-uri": `models:/${registeredModel}/${registeredVersion}`,
    });
  },
});
