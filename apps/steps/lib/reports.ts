/** Reports of gates, as artifacts of the judged model's run. */
import {
  type Check,
  type Decision,
  formatReport,
  type GateReport,
  gateReport,
  type ModelReference,
} from "@mlops/gates";
import type { Run } from "@mlops/mlflow";
import { addEvidence, type Evidence, formatJson, parseJson, sumOf, voidEvidence } from "@mlops/registry";
import type { StepContext } from "./context.ts";
import { GateStopped, InputError } from "./errors.ts";

export interface StoredReport {
  readonly report: GateReport;
  readonly uri: string;
  /** Of the report's bytes. */
  readonly sha256: string;
}

type Subject = Omit<GateReport, "schemaVersion" | keyof Decision>;

function reportPath(gate: string): string {
  return `gates/${gate}.json`;
}

/** Logs a decision to the run of the model that it is about: the report whole, its numbers as metrics. */
export async function logReport(
  context: StepContext,
  subject: Subject,
  decision: Decision,
): Promise<StoredReport> {
  const { mlflow } = context;
  const report = formatReport(subject, decision);
  const content = formatJson(report);
  const run = await runOf(context, subject.model);
  const finite = Object.entries(decision.numbers).filter(
    (entry): entry is [string, number] => entry[1] !== null,
  );
  await mlflow.logBatch(run.runId, {
    metrics: Object.fromEntries(finite.map(([name, value]) => [`gate.${subject.gate}.${name}`, value])),
    tags: { [`mlops.gate.${subject.gate}`]: decision.verdict },
  });
  await mlflow.artifacts.write(run, reportPath(subject.gate), content);
  for (const { name, verdict, because } of decision.checks) context.log(`${name}: ${verdict}: ${because}`);
  return { report, uri: reportUri(run, subject.gate), sha256: sumOf(content) };
}

/** The run that made a registered version. */
export async function runOf(
  { mlflow }: StepContext,
  { registeredModel, registeredVersion }: Pick<ModelReference, "registeredModel" | "registeredVersion">,
): Promise<Run> {
  const version = await mlflow.getVersion(registeredModel, registeredVersion);
  if (version !== undefined) return mlflow.getRun(version.runId);
  throw new InputError(`MLflow has no version ${registeredVersion} of ${registeredModel}`);
}

/**
 * The report of a gate on a run.
 *
 * @throws InputError if there is none, or it is about another model.
 */
export async function readReport(
  context: StepContext,
  run: Run,
  gate: string,
  model: Pick<ModelReference, "registeredModel" | "registeredVersion">,
): Promise<StoredReport> {
  const content = await context.mlflow.artifacts.read(run, reportPath(gate));
  const name = `version ${model.registeredVersion} of ${model.registeredModel}`;
  if (content === undefined) {
    throw new InputError(
      `gate ${gate} has not judged ${name} yet: run ${run.runId} has no ${reportPath(gate)}`,
    );
  }
  const report = parseJson(content, gateReport, `${reportPath(gate)} of run ${run.runId}`);
  const { registeredModel, registeredVersion } = report.model;
  if (registeredModel !== model.registeredModel || registeredVersion !== model.registeredVersion) {
    throw new InputError(
      `${reportPath(gate)} of run ${run.runId} is about version ${registeredVersion} of ${registeredModel}, not ${name}`,
    );
  }
  return { report, uri: reportUri(run, gate), sha256: sumOf(content) };
}

/** Tells the record what a gate found about its candidate: the gate's last word counts, whichever it is. */
export async function recordFinding(
  context: Pick<StepContext, "change">,
  model: string,
  stored: StoredReport,
  artifactSha256: string,
): Promise<void> {
  const { gate, verdict } = stored.report;
  await context.change(model, (state) =>
    verdict === "passed"
      ? addEvidence(state, evidenceFrom(stored, artifactSha256))
      : voidEvidence(state, gate, artifactSha256),
  );
}

/** What a record keeps of a report: that `artifactSha256` has passed. */
export function evidenceFrom({ report, uri, sha256 }: StoredReport, artifactSha256: string): Evidence {
  assertPassed(report);
  return {
    gate: report.gate,
    artifactSha256,
    ...(report.against === undefined ? {} : { against: report.against }),
    report: { uri, sha256 },
    at: report.at,
  };
}

/** @throws GateStopped with every check that did not pass. */
export function assertPassed({ gate, verdict, checks }: GateReport): void {
  if (verdict === "passed") return;
  const reasons = checks
    .filter((check) => check.verdict !== "passed")
    .map(({ name, because }) => `${name}: ${because}`);
  throw new GateStopped(
    `gate ${gate} ${verdict === "failed" ? "failed" : "is inconclusive"}: ${reasons.join("; ")}`,
  );
}

/** What is deployed later is what MLflow keeps, so that must be the file that was measured. */
export function storedFileCheck(file: string, found: string, measured: string): Check {
  const same = found === measured;
  return {
    name: "stored file",
    verdict: same ? "passed" : "failed",
    because: same ? `${file} is the measured file` : `${file} has SHA-256 ${found}; measured was ${measured}`,
  };
}

function reportUri(run: Run, gate: string): string {
  return `${run.artifactUri}/${reportPath(gate)}`;
}
