import { judgeLoss, lossMeasurement, lossThresholds, overall } from "@mlops/gates";
import { adapterFiles, formatJson } from "@mlops/registry";
import { adapterFolder, readAdapter } from "../lib/adapter.ts";
import { number, text } from "../lib/flags.ts";
import { assertPassed, logReport, runOf, storedFileCheck } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";

export const gateLoss = defineStep({
  name: "gate-loss",
  about: "First gate of an adapter: has it learnt its task, and is it the adapter that has?",
  flags: {
    measurement: text("file that `llm.measure_loss` wrote"),
    "maximum-loss": number(
      "largest loss of held-out completions, in nats a token",
      lossThresholds.maximumLoss,
      0,
      100,
    ),
    "minimum-gain": number(
      "by how much it must be better than its base model, in nats a token",
      lossThresholds.minimumGain,
      -100,
      100,
    ),
    confidence: number("one-sided confidence of each bound", lossThresholds.confidence, 0.5, 0.9999),
    "minimum-documents": number("fewest held-out documents", lossThresholds.minimumDocuments, 2, 1_000_000),
  },
  outputs: { verdict: "passed, failed or inconclusive", report: "the report, which MLflow gets too" },
  run: async (context, values, write) => {
    const measurement = context.files.readJson(values.measurement, lossMeasurement);
    const judged = judgeLoss(measurement, {
      maximumLoss: values["maximum-loss"],
      minimumGain: values["minimum-gain"],
      confidence: values.confidence,
      minimumDocuments: values["minimum-documents"],
    });
    const run = await runOf(context, measurement.model);
    const { sha256 } = await readAdapter(context, run);
    const file = `${adapterFolder}/${adapterFiles.weights} of run ${run.runId}`;
    const checks = [...judged.checks, storedFileCheck(file, sha256, measurement.model.sha256)];
    const { report } = await logReport(
      context,
      {
        gate: "loss",
        model: measurement.model,
        artifactSha256: sha256,
        dataset: measurement.dataset,
        at: new Date().toISOString(),
        measurement,
      },
      { ...judged, checks, verdict: overall(checks) },
    );
    write({ verdict: report.verdict, report: formatJson(report) });
    assertPassed(report);
  },
});
