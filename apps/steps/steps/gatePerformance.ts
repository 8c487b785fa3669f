import {
  judgePerformance,
  type MeasuredLoads,
  measuredLoads,
  performanceMeasurement,
  performanceThresholds,
} from "@mlops/gates";
import { formatJson, RefusedError, type ServedVersion } from "@mlops/registry";
import { anchorOf, fixAnchor } from "../lib/anchor.ts";
import { showAliases } from "../lib/deployments.ts";
import { modelName, number, text, versionNumber } from "../lib/flags.ts";
import { assertPassed, logReport, recordFinding } from "../lib/reports.ts";
import { readSamples, samplesFlags } from "../lib/samples.ts";
import { defineStep } from "../lib/step.ts";
import { referenceTo, subjectsOf, writtenReference } from "../lib/subjects.ts";

export const gatePerformance = defineStep({
  name: "gate-performance",
  about: "Is the candidate fast enough, and not slower than live in the same run and than a fixed anchor?",
  flags: {
    model: modelName,
    version: versionNumber,
    loads: text("file that `measure-performance` wrote"),
    ...samplesFlags,
    "latency-p95": number(
      "P95 of latency must be below, in seconds",
      performanceThresholds.latencyP95,
      0,
      3600,
    ),
    "time-to-first-token-p95": number(
      "P95 of the time to the first token must be below, in seconds",
      performanceThresholds.timeToFirstTokenP95,
      0,
      3600,
    ),
    "requests-per-second": number(
      "throughput must be above, in answers a second",
      performanceThresholds.requestsPerSecond,
      0,
      1_000_000,
    ),
    "maximum-ratio": number(
      "largest ratio of a P95 to that of live and of the anchor",
      performanceThresholds.maximumRatio,
      0.01,
      100,
    ),
    "minimum-ratio": number(
      "least ratio of the throughput to that of live and of the anchor",
      performanceThresholds.minimumRatio,
      0,
      100,
    ),
    "minimum-requests": number("fewest requests", performanceThresholds.minimumRequests, 1, 10_000_000),
  },
  outputs: { verdict: "passed, failed or inconclusive", report: "the report, which MLflow gets too" },
  run: async (context, { model, version, loads: path, ...flags }, write) => {
    const loads = context.files.readJson(path, measuredLoads);
    const { dataset } = readSamples(context.files, flags);
    const { candidate, live } = await subjectsOf(context, model, version, { canary: true });
    assertMeasured(loads, candidate, live);
    const kept = await anchorOf(context.registry, model);
    const reference = await referenceTo(context, model, candidate);
    const written = {
      schema: 1,
      data: dataset,
      conditions: loads.conditions,
      candidate: { ...writtenReference(reference), load: loads.candidate.load },
      live:
        live === undefined || loads.live === null
          ? null
          : { ...writtenReference(await referenceTo(context, model, live)), load: loads.live.load },
      anchor: kept?.anchor ?? null,
    };
    const measurement = performanceMeasurement.parse(written);
    const decision = judgePerformance(measurement, {
      ...performanceThresholds,
      latencyP95: flags["latency-p95"],
      timeToFirstTokenP95: flags["time-to-first-token-p95"],
      requestsPerSecond: flags["requests-per-second"],
      maximumRatio: flags["maximum-ratio"],
      minimumRatio: flags["minimum-ratio"],
      minimumRequests: flags["minimum-requests"],
    });
    const { sha256 } = candidate.artifact;
    const { tool, servers } = loads;
    const stored = await logReport(
      context,
      {
        gate: "performance",
        model: reference,
        artifactSha256: sha256,
        ...(live === undefined ? {} : { against: live.version }),
        dataset,
        at: new Date().toISOString(),
        measurement: { ...measurement, tool, servers },
      },
      decision,
    );
    write({ verdict: stored.report.verdict, report: formatJson(stored.report) });
    await recordFinding(context, model, stored, sha256);
    await showAliases(context, model);
    assertPassed(stored.report);
    // Nothing was there to compare with, so this is what later versions are compared with for good.
    if (kept !== undefined) return;
    const anchor = { conditions: loads.conditions, load: loads.candidate.load };
    const { servedName } = candidate;
    const fixed = await fixAnchor(context, model, { servedName, anchor }, { replace: false });
    if (fixed) context.log(`${servedName} is the anchor of ${model}: fix-anchor fixes another one`);
  },
});

/** A figure of something else than candidate and live says nothing about them. */
function assertMeasured(
  loads: MeasuredLoads,
  candidate: ServedVersion,
  live: ServedVersion | undefined,
): void {
  const measured = [loads.candidate.served_name, loads.live?.served_name ?? "nothing"];
  const wanted = [candidate.servedName, live?.servedName ?? "nothing"];
  if (measured.join() === wanted.join()) return;
  throw new RefusedError(
    `${measured.join(" against ")} was measured, but ${wanted.join(" against ")} is wanted now: measure again`,
  );
}
