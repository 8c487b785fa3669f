import {
  type AccuracyMeasurement,
  accuracyMeasurement,
  accuracyThresholds,
  judgeAccuracy,
} from "@mlops/gates";
import { formatJson, type ModelRecord, readRecord } from "@mlops/registry";
import { GateStopped } from "../lib/errors.ts";
import { modelName, number, text } from "../lib/flags.ts";
import { assertPassed, logReport } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";

export const gateAccuracy = defineStep({
  name: "gate-accuracy",
  about: "Gate 1: is the candidate accurate enough, and better than the model that is live?",
  flags: {
    model: modelName,
    measurement: text("file that `evaluate` wrote"),
    "minimum-accuracy": number("least held-out accuracy", accuracyThresholds.minimumAccuracy, 0, 1),
    margin: number(
      "by how much it must be better, as a difference of accuracies",
      accuracyThresholds.margin,
      -1,
      1,
    ),
    confidence: number("one-sided confidence of each bound", accuracyThresholds.confidence, 0.5, 0.9999),
  },
  outputs: { verdict: "passed, failed or inconclusive", report: "the report, which MLflow gets too" },
  run: async (context, { model, measurement: path, ...thresholds }, write) => {
    const measurement = context.files.readJson(path, accuracyMeasurement);
    const record = (await readRecord(context.registry, model))?.record;
    const against = opponentOf(measurement, record);
    const decision = judgeAccuracy(measurement, {
      minimumAccuracy: thresholds["minimum-accuracy"],
      margin: thresholds.margin,
      confidence: thresholds.confidence,
    });
    const { report } = await logReport(
      context,
      {
        gate: "accuracy",
        model: measurement.candidate.model,
        ...(against === undefined ? {} : { against }),
        dataset: measurement.dataset,
        at: new Date().toISOString(),
        measurement,
      },
      decision,
    );
    write({ verdict: report.verdict, report: formatJson(report) });
    assertPassed(report);
  },
});

/** The served version that was compared with. A comparison with anything but the live one says nothing. */
function opponentOf({ live }: AccuracyMeasurement, record: ModelRecord | undefined): number | undefined {
  const source = record?.live?.source;
  const measured = live === undefined ? "nothing" : `version ${live.model.registeredVersion}`;
  const isLive =
    live?.model.registeredModel === source?.registeredModel &&
    live?.model.registeredVersion === source?.registeredVersion;
  if (isLive) return record?.live?.version;
  const now =
    source === undefined ? "nothing" : `version ${source.registeredVersion} of ${source.registeredModel}`;
  throw new GateStopped(
    `the candidate was compared with ${measured}, but ${now} is live: run evaluate against that, then this gate`,
  );
}
