import { readRecord } from "@mlops/registry";
import { modelName } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";

export const showLive = defineStep({
  name: "show-live",
  about: "Says which version is live, and which is the candidate: what the other steps are about.",
  flags: { model: modelName },
  outputs: {
    "served-name": "name of the live version, empty if nothing is live",
    version: "its number",
    "registered-model": "its registered model in MLflow",
    "registered-version": "its registered version",
    "model-uri": "models:/NAME/VERSION, for MLflow's clients",
    epoch: "epoch of the record, 0 if there is none",
    "candidate-name": "name of the candidate, empty if there is none",
    "candidate-version": "its number",
  },
  run: async (context, { model }, write) => {
    const record = (await readRecord(context.registry, model))?.record;
    const live = record?.live;
    context.log(live === undefined ? `nothing of ${model} is live` : `${live.servedName} is live`);
    const { registeredModel = "", registeredVersion = "" } = live?.source ?? {};
    const candidate = record?.candidate;
    write({
      "served-name": live?.servedName ?? "",
      version: live === undefined ? "" : String(live.version),
      "registered-model": registeredModel,
      "registered-version": registeredVersion,
      "model-uri": live === undefined ? "" : `models:/${registeredModel}/${registeredVersion}`,
      epoch: String(record?.epoch ?? 0),
      "candidate-name": candidate?.servedName ?? "",
      "candidate-version": candidate === undefined ? "" : String(candidate.version),
    });
  },
});
