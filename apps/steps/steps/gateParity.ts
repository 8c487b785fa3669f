import {
  type Check,
  judgeParity,
  overall,
  type ParityMeasurement,
  parityMeasurement,
  parityThresholds,
} from "@mlops/gates";
import { formatJson, sumOf } from "@mlops/registry";
import type { StepContext } from "../lib/context.ts";
import { exportPaths } from "../lib/deployments.ts";
import { number, text } from "../lib/flags.ts";
import { assertPassed, logReport, runOf, storedFileCheck } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";

export const gateParity = defineStep({
  name: "gate-parity",
  about: "Gate 2: does the exported model answer as the trained one, and is it the one that MLflow keeps?",
  flags: {
    measurement: text("file that `measure_onnx` wrote"),
    "maximum-difference": number(
      "largest absolute difference of a probability",
      parityThresholds.maximumDifference,
      0,
      1,
    ),
    "minimum-rows": number("fewest held-out rows", parityThresholds.minimumRows, 1, 1_000_000),
  },
  outputs: { verdict: "passed, failed or inconclusive", report: "the report, which MLflow gets too" },
  run: async (context, values, write) => {
    const measurement = context.files.readJson(values.measurement, parityMeasurement);
    const judged = judgeParity(measurement, {
      maximumDifference: values["maximum-difference"],
      minimumRows: values["minimum-rows"],
    });
    const checks = [...judged.checks, await storedFile(context, measurement)];
    const { report } = await logReport(
      context,
      {
        gate: "parity",
        model: measurement.model,
        artifactSha256: measurement.onnxSha256,
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

async function storedFile(context: StepContext, { model, onnxSha256 }: ParityMeasurement): Promise<Check> {
  const run = await runOf(context, model);
  const content = await context.mlflow.artifacts.read(run, exportPaths.onnx);
  const sum = content === undefined ? "none: it is missing" : sumOf(content);
  return storedFileCheck(`${exportPaths.onnx} of run ${run.runId}`, sum, onnxSha256);
}
