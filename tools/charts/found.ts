import type { ChartSpec } from "../../charts.ts";
import type { ChartSource } from "../../components/platform/helmAddon.ts";
import type { Size } from "../../components/target.ts";
import { type ChartFiles, writeArchive } from "./archive.ts";
import type { LocalChart } from "./chartsFolder.ts";
import { contentProblems, type DigestState, digestState } from "./check.ts";
import { hashOf, sha256 } from "./files.ts";
import type { Outline } from "./outline.ts";
import { placeholderChart } from "./placeholder.ts";

/** A chart that was found, and how to make of it the archive that Helm gets. */
export interface Found {
  readonly kind: ChartSource["kind"];
  /** Version that the archive's Chart.yaml states. */
  readonly version: string;
  /** Changes whenever the archive would. */
  readonly fingerprint: string;
  /** Absent for what this project made itself. */
  readonly digest?: DigestState;
  /** What is wrong with the digest. */
  readonly problems: readonly string[];
  /** What is wrong with the content; costly, and pointless for what is staged already. */
  readonly contentProblems: () => readonly string[];
  readonly archive: () => Buffer;
}

/** A chart from the charts folder. */
export function realChart(chart: LocalChart, spec: ChartSpec, requireVerified: boolean): Found {
  const digest = digestState(chart, spec);
  const state = "state" in digest ? digest.state : "unverified";
  const problems = "problem" in digest ? [digest.problem] : [];
  if (requireVerified && problems.length === 0 && state !== "verified") problems.push(UNCHECKED[state]);
  return {
    kind: "real",
    version: spec.version,
    fingerprint: sha256(spec.chart, spec.version, chart.contentHash),
    digest: state,
    problems: problems.map((problem) => `${chart.path}: ${problem}`),
    contentProblems: () => contentProblems(chart, spec).map((problem) => `${chart.path}: ${problem}`),
    archive: () => chart.archive ?? writeArchive(spec.chart, chart.files()),
  };
}

const UNCHECKED: Readonly<Record<Exclude<DigestState, "verified">, string>> = {
  unverified: "charts.ts records no digest, and this stack needs one: run `make lock` on a connected machine",
  uncheckable: "an unpacked chart has no digest, and this stack needs one: put its archive there instead",
};

/**
 * A chart of our own. Its version gets the hash of its content, so that an edit is an upgrade
 * although nobody raised the version.
 */
export function ownChart(chart: LocalChart, spec: ChartSpec): Found {
  // The letter keeps SemVer from reading a hash of digits as a number, which may not start with 0.
  const version = `${spec.version}-h${chart.contentHash.slice(0, 8)}`;
  return {
    kind: "own",
    version,
    fingerprint: sha256(spec.chart, spec.version, chart.contentHash),
    problems: [],
    contentProblems: () => contentProblems(chart, spec).map((problem) => `${chart.path}: ${problem}`),
    archive: () => writeArchive(spec.chart, withVersion(chart.files(), version)),
  };
}

function withVersion(files: ChartFiles, version: string): ChartFiles {
  const chartYaml = files.get("Chart.yaml")?.toString("utf8") ?? "";
  return new Map(files).set(
    "Chart.yaml",
    Buffer.from(chartYaml.replace(/^version:.*$/m, `version: ${version}`)),
  );
}

/** The placeholder of a chart that could not be had. */
export function outlinedChart(outline: Outline, size: Size): Found {
  const { files, version } = placeholderChart(outline, size);
  return {
    kind: "outline",
    version,
    fingerprint: hashOf(files),
    problems: [],
    contentProblems: () => [],
    archive: () => writeArchive(outline.chart, files),
  };
}
