import { approve, type Intent } from "@mlops/registry";
import { showAliases } from "../lib/deployments.ts";
import { InputError } from "../lib/errors.ts";
import { modelName, text } from "../lib/flags.ts";
import { evidenceFrom, readReport, runOf } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";

export const registerDeploy = defineStep({
  name: "register-deploy",
  about: "Chooses a version that has passed gates 1 and 2 for deployment: champion and deploy, together.",
  flags: {
    model: modelName,
    "registered-model": text("registered model in MLflow"),
    "registered-version": text("its version"),
  },
  outputs: {},
  run: async (context, { model, ...registered }) => {
    const registeredModel = registered["registered-model"];
    const registeredVersion = registered["registered-version"];
    const name = { registeredModel, registeredVersion };
    const run = await runOf(context, name);
    const accuracy = await readReport(context, run, "accuracy", name);
    const parity = await readReport(context, run, "parity", name);
    const trained = accuracy.report.model.sha256;
    const exported = parity.report.artifactSha256;
    if (parity.report.model.sha256 !== trained || exported === undefined) {
      throw new InputError(
        `the gates judged different weights of run ${run.runId} (${trained} and ${parity.report.model.sha256}): run ` +
          "evaluate and measure_onnx again, then both gates",
      );
    }
    // Gate 2 ties the exported file to the weights that gate 1 judged, so both speak for that file.
    const intent: Intent = {
      source: { runId: run.runId, ...name },
      sha256: exported,
      evidence: [evidenceFrom(accuracy, exported), evidenceFrom(parity, exported)],
    };
    await context.change(model, (state) => approve(state, { name: model, server: "triton" }, intent));
    context.log(`version ${registeredVersion} of ${registeredModel} is chosen for deployment as ${model}`);
    await showAliases(context, model);
  },
});
