import type { ChartSpec } from "../../charts.ts";
import { ArchiveError, type ChartFiles } from "./archive.ts";
import { type LocalChart, openArchive } from "./chartsFolder.ts";
import { chartProblems } from "./metadata.ts";

/** What charts.ts may state as digest of a chart from a repository. */
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** How far the content of a chart from outside is known to be what its publisher released. */
export type DigestState =
  | "verified"
  /** charts.ts records no digest yet. */
  | "unverified"
  /** An unpacked folder: only an archive has a digest. */
  | "uncheckable";

/** The digest's state, or what is wrong with it. */
export function digestState(
  chart: LocalChart,
  spec: ChartSpec,
): { state: DigestState } | { problem: string } {
  if (spec.digest === "unverified") return { state: "unverified" };
  if (!DIGEST.test(spec.digest)) {
    return {
      problem: `charts.ts gives "${spec.digest}" as digest, not sha256:<64 hex digits> or unverified`,
    };
  }
  if (chart.archive === undefined) return { state: "uncheckable" };
  const actual = `sha256:${chart.contentHash}`;
  if (actual === spec.digest) return { state: "verified" };
  return { problem: `its digest is ${actual}, charts.ts pins ${spec.digest}` };
}

/** What is wrong with a chart's content: damage, another chart or version, a missing dependency. */
export function contentProblems(chart: LocalChart, spec: ChartSpec): string[] {
  let files: ChartFiles;
  try {
    files = chart.files();
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    return [error.message];
  }
  return chartProblems(files, spec);
}

/** Everything that is wrong with a chart archive; empty when it may be used. */
export function checkArchive(path: string, spec: ChartSpec): string[] {
  const chart = openArchive(path);
  const digest = digestState(chart, spec);
  return [...("problem" in digest ? [digest.problem] : []), ...contentProblems(chart, spec)];
}
