import { formatJson } from "@mlops/registry";
import { claimedVersion, exportOf } from "../lib/deployments.ts";
import { modelName, versionNumber } from "../lib/flags.ts";
import { readReport } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";
import { putImmutable } from "../lib/upload.ts";

export const metadata = defineStep({
  name: "metadata",
  about: "Writes where the version comes from beside its files, and its served name into MLflow.",
  flags: { model: modelName, version: versionNumber },
  outputs: {},
  run: async (context, { model, version }) => {
    const deployment = await claimedVersion(context, model, version);
    const { run, metadata: exported } = await exportOf(context, deployment);
    const { source, format } = deployment.claim;
    const { report } = await readReport(context, run, "accuracy", source);
    // No time, no host and nothing that a later run of a gate changes: whoever runs this again writes the same bytes.
    const content = {
      schemaVersion: 1,
      servedName: deployment.servedName,
      source,
      format,
      export: exported,
      dataset: report.dataset,
    };
    await putImmutable(context, `${deployment.prefix}/metadata.json`, formatJson(content));
    const { registeredModel, registeredVersion } = source;
    await context.mlflow.setVersionTag(
      registeredModel,
      registeredVersion,
      "mlops.served_name",
      deployment.servedName,
    );
    context.log(`${deployment.servedName} comes from run ${source.runId}`);
  },
});
