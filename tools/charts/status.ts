import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { ChartSpec } from "../../charts.ts";
import { findInFolder, type LocalChart, openArchive, openFolder } from "./chartsFolder.ts";
import { contentProblems, digestState } from "./check.ts";
import { type FetchOutcome, fetchCharts } from "./fetch.ts";
import { outlinedStacks, outlinePath } from "./outline.ts";
import type { PullChart } from "./pull.ts";
import { rememberUnreachable } from "./unreachable.ts";

/** One chart after `make charts`. */
export interface ChartStatus {
  readonly name: string;
  readonly version: string;
  /** Where it lies, or what there is instead. */
  readonly from: string;
  readonly digest: string;
  /** What the user has to mend. */
  readonly problem?: string;
  /** Not to be had; stacks that allow it use the recorded outline. */
  readonly outlineOnly?: string;
}

export interface StatusOptions {
  readonly projectRoot: string;
  /** Absolute. */
  readonly chartsDir: string;
  readonly pull: PullChart;
  readonly onPull?: (spec: ChartSpec) => void;
}

/** Fetches what the charts folder lacks, checks everything in it, and says how each chart stands. */
export async function fetchAll<Name extends string>(
  table: Readonly<Record<Name, ChartSpec>>,
  options: StatusOptions,
): Promise<ChartStatus[]> {
  const names = Object.keys(table) as Name[];
  const { projectRoot, chartsDir } = options;
  const remote = names.filter((name) => table[name].repository !== "own");
  const missing = remote.filter((name) => "otherArchives" in findInFolder(chartsDir, table[name]));
  const fetched = await fetchCharts(new Map(missing.map((name) => [name, table[name]])), {
    ...options,
    unreachable: rememberUnreachable(),
  });
  return names.map((name) => {
    const spec = table[name];
    const base = { name, version: spec.version };
    if (spec.repository === "own") {
      const path = join(projectRoot, "charts", spec.chart);
      if (!existsSync(join(path, "Chart.yaml"))) {
        return { ...base, from: "-", digest: "-", problem: `${path} holds no chart` };
      }
      return {
        ...base,
        ...statusOf(openFolder(path), { ...spec, digest: "unverified" }, projectRoot),
        digest: "own",
      };
    }
    const outcome = fetched.get(name);
    if (outcome !== undefined && "path" in outcome) {
      return { ...base, ...statusOf(openArchive(outcome.path), spec, projectRoot), from: spec.repository };
    }
    const lookup = findInFolder(chartsDir, spec);
    if ("chart" in lookup) return { ...base, ...statusOf(lookup.chart, spec, projectRoot) };
    if ("unpackedOther" in lookup) {
      const { version, path } = lookup.unpackedOther;
      return { ...base, from: "-", digest: "-", problem: `${path} holds version ${version}` };
    }
    return { ...base, ...absent(name, spec, outcome, projectRoot) };
  });
}

type Rest = Omit<ChartStatus, "name" | "version">;

function statusOf(chart: LocalChart, spec: ChartSpec, projectRoot: string): Rest {
  const digest = digestState(chart, spec);
  const problems = [...("problem" in digest ? [digest.problem] : []), ...contentProblems(chart, spec)];
  return {
    from: shown(chart.path, projectRoot),
    digest: "state" in digest ? digest.state : "wrong",
    ...(problems.length === 0 ? {} : { problem: `${chart.path}: ${problems.join("; ")}` }),
  };
}

/** Relative to the project where it lies in there. */
function shown(path: string, projectRoot: string): string {
  const inProject = relative(projectRoot, path);
  return inProject.startsWith("..") ? path : inProject;
}

function absent(name: string, spec: ChartSpec, outcome: FetchOutcome | undefined, projectRoot: string): Rest {
  const reason = outcome !== undefined && "reason" in outcome ? outcome.reason : "not found";
  const explained = `${spec.repository}: ${reason}`;
  const corrupt = outcome !== undefined && "corrupt" in outcome && outcome.corrupt;
  const outlined = outlinedStacks.some((stack) => existsSync(outlinePath(projectRoot, name, stack)));
  return outlined && !corrupt
    ? { from: "outline only", digest: "-", outlineOnly: explained }
    : { from: "-", digest: "-", problem: explained };
}
