import { formatJson } from "@mlops/registry";
import type { StepContext } from "../lib/context.ts";
import { claimedVersion, type Deployment, exportOf } from "../lib/deployments.ts";
import { modelName, versionNumber } from "../lib/flags.ts";
import { lossMeasured } from "../lib/loss.ts";
import { readReport, runOf } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";
import { putImmutable } from "../lib/upload.ts";

export const metadata = defineStep({
  name: "metadata",
  about: "Writes where the version comes from beside its files, and its served name into MLflow.",
  flags: { model: modelName, version: versionNumber },
  outputs: {},
  run: async (context, { model, version }) => {
    const deployment = await claimedVersion(context, model, version);
    const { source, format } = deployment.claim;
    // No time, no host and nothing that a later run of a gate changes: whoever runs this again writes the same bytes.
    const content = {
      schemaVersion: 1,
      servedName: deployment.servedName,
      source,
      format,
      ...(await contentOf[deployment.server](context, deployment)),
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

/** What is written down of each server's kind of version. */
const contentOf = {
  triton: async (context: StepContext, deployment: Deployment): Promise<object> => {
    const { run, metadata: exported } = await exportOf(context, deployment);
    const { report } = await readReport(context, run, "accuracy", deployment.claim.source);
    return { export: exported, dataset: report.dataset };
  },
  vllm: async (context: StepContext, { claim: { source } }: Deployment): Promise<object> => {
    const { base, report } = await lossMeasured(context, await runOf(context, source), source);
    return { base, dataset: report.dataset };
  },
} as const;
