import { existsSync } from "node:fs";
import { join, resolve as resolvePath } from "node:path";
import { type ChartName, type ChartSpec, charts } from "../../charts.ts";
import type { ChartSource } from "../../components/platform/helmAddon.ts";
import type { Size } from "../../components/target.ts";
import { type FolderLookup, findInFolder, openArchive, openFolder } from "./chartsFolder.ts";
import type { DigestState } from "./check.ts";
import { type FetchOutcome, fetchCharts } from "./fetch.ts";
import { type Found, outlinedChart, ownChart, realChart } from "./found.ts";
import { OutlineError, readOutline } from "./outline.ts";
import { type PullChart, pullWithHelm } from "./pull.ts";
import { isStaged, type StagedKind, stage, stagedPath } from "./stage.ts";
import { rememberUnreachable, unreachableFile } from "./unreachable.ts";

export interface ResolveOptions {
  /** Absolute path of the folder that holds Pulumi.yaml; what Helm gets is relative to it. */
  readonly projectRoot: string;
  /** Folder with chart archives and unpacked charts, absolute or relative to the project. */
  readonly chartsDir: string;
  /** Whether a placeholder may stand in for a chart that cannot be had. */
  readonly allowOutline: boolean;
  /** Size of what placeholders ask for. */
  readonly size: Size;
  /** Refuses charts whose digest nobody has checked. */
  readonly requireVerified?: boolean;
  /** Called with what the user should know and need not act on at once. */
  readonly onNotice?: (text: string) => void;
  /** Called as a chart is asked for from its repository. */
  readonly onPull?: (spec: ChartSpec) => void;
  /** How charts are fetched; with `helm pull` by default. */
  readonly pull?: PullChart;
}

/** Charts that cannot be installed, all of them with what to do; nothing that Helm gets was changed. */
export class ChartsError extends Error {
  override readonly name = "ChartsError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`${problems.length} chart problem(s)\n${problems.map((p) => `  - ${p}`).join("\n")}`);
    this.problems = problems;
  }
}

/**
 * Finds each chart and puts it where Helm gets it: from the charts folder, else from its repository,
 * else, where that is allowed, as a placeholder made from its outline. Charts of our own come from
 * charts/ of the project.
 *
 * @throws ChartsError with the problems of all charts, before anything that Helm gets is changed.
 */
export function resolveCharts(
  names: readonly ChartName[],
  options: ResolveOptions,
): Promise<Map<ChartName, ChartSource>> {
  return resolveFrom(charts, names, options);
}

/** As `resolveCharts`, from any table of charts. */
export async function resolveFrom<Name extends string>(
  table: Readonly<Record<Name, ChartSpec>>,
  names: readonly Name[],
  options: ResolveOptions,
): Promise<Map<Name, ChartSource>> {
  const chartsDir = resolvePath(options.projectRoot, options.chartsDir);
  const lookups = new Map(names.map((name) => [name, lookUp(table[name], chartsDir)]));
  const missing = new Map(
    [...lookups].flatMap(([name, l]) =>
      l !== "own" && "otherArchives" in l ? [[name, table[name]] as const] : [],
    ),
  );
  const fetched = await fetchMissing(missing, chartsDir, options);

  const verdicts = new Map(
    [...lookups].map(([name, lookup]) => [
      name,
      judge(name, table[name], lookup, fetched.get(name), options),
    ]),
  );
  const problems = [...verdicts].flatMap(([name, v]) =>
    problemsOf(v, name, options).map((p) => `${name}: ${p}`),
  );
  if (problems.length > 0) throw new ChartsError(problems);

  giveNotice(verdicts, options);
  return new Map(
    [...verdicts].flatMap(([name, v]) => (v.found ? [[name, staged(name, v.found, options)]] : [])),
  );
}

/** `own`: a chart of this project, in charts/. */
type Lookup = FolderLookup | "own";

/** What became of one chart: found, or why not; for a placeholder, both. */
interface Verdict {
  readonly found?: Found;
  readonly problem?: string;
  /** Why there is only a placeholder. */
  readonly placeholderBecause?: string;
}

function lookUp(spec: ChartSpec, chartsDir: string): Lookup {
  return spec.repository === "own" ? "own" : findInFolder(chartsDir, spec);
}

async function fetchMissing<Name extends string>(
  missing: ReadonlyMap<Name, ChartSpec>,
  chartsDir: string,
  options: ResolveOptions,
): Promise<Map<Name, FetchOutcome>> {
  if (missing.size === 0) return new Map();
  return fetchCharts(missing, {
    chartsDir,
    pull: options.pull ?? pullWithHelm,
    // Without a placeholder to go on with, a run fails anyway, and the next one should try again.
    unreachable: rememberUnreachable(options.allowOutline ? unreachableFile(options.projectRoot) : undefined),
    ...(options.onPull === undefined ? {} : { onPull: options.onPull }),
  });
}

function judge(
  name: string,
  spec: ChartSpec,
  lookup: Lookup,
  fetched: FetchOutcome | undefined,
  options: ResolveOptions,
): Verdict {
  const requireVerified = options.requireVerified ?? false;
  if (lookup === "own") return judgeOwn(spec, options.projectRoot);
  if ("chart" in lookup) return { found: realChart(lookup.chart, spec, requireVerified) };
  if ("unpackedOther" in lookup) {
    const { version, path } = lookup.unpackedOther;
    return {
      problem: `${path} holds version ${version}, charts.ts pins ${spec.version}: put that version there, or remove the folder`,
    };
  }
  if (fetched === undefined) throw new Error(`chart ${name} was neither found nor fetched`);
  if ("path" in fetched) return { found: realChart(openArchive(fetched.path), spec, requireVerified) };
  const from = `from ${spec.repository}`;
  if (fetched.corrupt) return { problem: `what came ${from} cannot be used: ${fetched.reason}` };
  const [other] = lookup.otherArchives;
  if (other !== undefined) {
    return {
      problem: `version ${spec.version} could not be fetched ${from} (${fetched.reason}), and ${other.path} holds ${other.version}: ${remedy(spec)}`,
    };
  }
  return (
    placeholder(name, `${spec.chart} ${spec.version}: ${fetched.reason}`, options) ?? {
      problem: `${spec.chart} ${spec.version} could not be fetched ${from} (${fetched.reason}): ${remedy(spec)}`,
    }
  );
}

function remedy(spec: ChartSpec): string {
  return `run \`make charts\` on a connected machine, or put ${spec.chart}-${spec.version}.tgz into the folder of mlops:chartsDir`;
}

function judgeOwn(spec: ChartSpec, projectRoot: string): Verdict {
  const path = join(projectRoot, "charts", spec.chart);
  if (!existsSync(join(path, "Chart.yaml"))) return { problem: `${path} holds no chart` };
  return { found: ownChart(openFolder(path), spec) };
}

function placeholder(name: string, reason: string, options: ResolveOptions): Verdict | undefined {
  if (!options.allowOutline) return undefined;
  try {
    const outline = readOutline(options.projectRoot, name);
    if (outline === undefined) return undefined;
    return { found: outlinedChart(outline, options.size), placeholderBecause: reason };
  } catch (error) {
    if (error instanceof OutlineError) return { problem: error.message };
    throw error;
  }
}

function problemsOf(verdict: Verdict, name: string, options: ResolveOptions): readonly string[] {
  const { found, problem } = verdict;
  if (found === undefined) return [problem ?? "was not found"];
  const known = isStaged(options.projectRoot, stagedKind(found), name, found.fingerprint);
  return [...found.problems, ...(known ? [] : found.contentProblems())];
}

function stagedKind(found: Found): StagedKind {
  return found.kind === "outline" ? "outline" : "chart";
}

function staged(name: string, found: Found, options: ResolveOptions): ChartSource {
  const kind = stagedKind(found);
  const { projectRoot } = options;
  if (!isStaged(projectRoot, kind, name, found.fingerprint)) {
    stage(projectRoot, kind, name, { fingerprint: found.fingerprint, archive: found.archive() });
  }
  return { chart: stagedPath(kind, name), version: found.version, kind: found.kind };
}

function giveNotice(verdicts: ReadonlyMap<string, Verdict>, options: ResolveOptions): void {
  const notice = options.onNotice ?? (() => {});
  const having = (state: DigestState): string =>
    [...verdicts].flatMap(([name, v]) => (v.found?.digest === state ? [name] : [])).join(", ");
  const unverified = having("unverified");
  if (unverified !== "") notice(`charts whose digest nobody has checked yet (make lock does): ${unverified}`);
  const unpacked = having("uncheckable");
  if (unpacked !== "") notice(`unpacked charts, whose digest cannot be checked: ${unpacked}`);
  const reasons = new Set([...verdicts.values()].flatMap((v) => v.placeholderBecause ?? []));
  if (reasons.size > 0) {
    notice(
      `placeholders instead of charts; \`make charts\` tries again:\n${[...reasons].map((r) => `  ${r}`).join("\n")}`,
    );
  }
}
