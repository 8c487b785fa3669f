import { evaluationMeasurement, evaluationThresholds, judgeEvaluation } from "@mlops/gates";
import { formatJson } from "@mlops/registry";
import { evaluationPage, evaluationTexts } from "../judge/report.ts";
import { showAliases } from "../lib/deployments.ts";
import { marginFlags, withMargins } from "../lib/evaluationFlags.ts";
import { modelName, number, text, versionNumber } from "../lib/flags.ts";
import { assertPassed, logReport, recordFinding, runOf } from "../lib/reports.ts";
import { defineStep } from "../lib/step.ts";
import { measuredSubjects } from "../lib/subjects.ts";

/** Where the page for people lies in the run. */
const pagePath = "gates/evaluation.html";

export const gateEvaluation = defineStep({
  name: "gate-evaluation",
  about:
    "Are the candidate's answers good enough, and not worse than those of live, by a judge that can tell?",
  flags: {
    model: modelName,
    version: versionNumber,
    measurement: text("file that `evaluate-llm` wrote"),
    ...marginFlags,
    "minimum-a": number("least share of answers graded A", evaluationThresholds.minimumA, 0, 1),
    "maximum-c": number("largest share of answers graded C", evaluationThresholds.maximumC, 0, 1),
    "minimum-refusal": number(
      "least share of refusals where the answer is not to be found",
      evaluationThresholds.minimumRefusal,
      0,
      1,
    ),
  },
  outputs: {
    verdict: "passed, failed or inconclusive",
    report: "the report, which MLflow gets too",
    page: "the same with examples, as HTML",
  },
  run: async (context, { model, version, measurement: path, ...flags }, write) => {
    const measurement = context.files.readJson(path, evaluationMeasurement);
    const texts = context.files.readJson(path, evaluationTexts);
    const { candidate, live } = await measuredSubjects(context, model, version, measurement);
    const decision = judgeEvaluation(measurement, {
      ...withMargins(flags),
      minimumA: flags["minimum-a"],
      maximumC: flags["maximum-c"],
      minimumRefusal: flags["minimum-refusal"],
    });
    const { sha256 } = candidate.artifact;
    const stored = await logReport(
      context,
      {
        gate: "evaluation",
        model: measurement.candidate,
        artifactSha256: sha256,
        ...(live === undefined ? {} : { against: live.version }),
        dataset: measurement.dataset,
        at: new Date().toISOString(),
        measurement,
      },
      decision,
    );
    const page = evaluationPage(stored.report, texts, {
      candidate: candidate.servedName,
      live: live?.servedName,
      judge: measurement.judge,
    });
    await context.mlflow.artifacts.write(await runOf(context, measurement.candidate), pagePath, page);
    context.log(`answers and grades to look at: ${pagePath} of run ${candidate.source.runId}`);
    write({ verdict: stored.report.verdict, report: formatJson(stored.report), page });
    await recordFinding(context, model, stored, sha256);
    await showAliases(context, model);
    assertPassed(stored.report);
  },
});
