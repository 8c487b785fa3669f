import { judgeFunctional } from "@mlops/gates";
import { formatJson } from "@mlops/registry";
import { claimedVersion, completeManifest, exportOf, samplesOf } from "../lib/deployments.ts";
import { InputError } from "../lib/errors.ts";
import { modelName, number, versionNumber } from "../lib/flags.ts";
import { assertPassed, logReport, recordFinding } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";
import { infer } from "../lib/triton.ts";

export const functionalTest = defineStep({
  name: "functional-test",
  about:
    "Asks the loaded version on every replica about held-out samples, and compares with the registered model.",
  flags: {
    model: modelName,
    version: versionNumber,
    tolerance: number("largest absolute difference of a probability", 1e-4, 0, 1),
  },
  outputs: { verdict: "passed, failed or inconclusive", report: "the report, which MLflow gets too" },
  run: async (context, { model, version, tolerance }, write) => {
    const deployment = await claimedVersion(context, model, version);
    const { sha256 } = await completeManifest(context, deployment);
    const { run, metadata: exported } = await exportOf(context, deployment);
    const samples = await samplesOf(context, run);
    if (samples.model.sha256 !== exported.model.sha256) {
      throw new InputError(
        `the samples are of version ${samples.model.registeredVersion} of ${samples.model.registeredModel}, not of ` +
          `what ${deployment.servedName} was made from`,
      );
    }
    const urls = await context.replicas("MLOPS_TRITON_URLS")();
    if (urls.length === 0) throw new Error("no replica of Triton is running");
    const answers = await Promise.all(
      urls.map(async (url) => ({
        replica: url,
        ...(await infer(url, deployment.servedName, samples.input, samples.expected.name)),
      })),
    );
    const decision = judgeFunctional({ expected: samples.expected, answers }, { tolerance });
    const stored = await logReport(
      context,
      {
        gate: "functional",
        model: samples.model,
        artifactSha256: sha256,
        dataset: samples.dataset,
        at: new Date().toISOString(),
        measurement: { expected: samples.expected, answers },
      },
      decision,
    );
    write({ verdict: stored.report.verdict, report: formatJson(stored.report) });
    await recordFinding(context, model, stored, sha256);
    assertPassed(stored.report);
  },
});
