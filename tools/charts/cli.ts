/**
 * Charts of the platform, from the command line:
 *
 *   fetch [--charts-dir DIR]             fills the charts folder (make charts)
 *   lock                                 fills unverified digests in charts.ts (make lock)
 *   outline [--charts-dir DIR] [NAME..]  records outlines again from the charts in the folder
 *
 * Exit status: 1 when something is wrong that the user has to mend (a damaged archive, a digest or
 * version other than charts.ts pins, a chart that can be had neither really nor as an outline), else 0.
 * A repository that does not answer is no such thing while an outline stands in: fetch says so.
 */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type ChartName, charts } from "../../charts.ts";
import { createLog } from "../lib/log.ts";
import { projectRoot } from "../lib/paths.ts";
import { findInFolder } from "./chartsFolder.ts";
import { publishedDigest, writeDigests } from "./lock.ts";
import { outlinePath } from "./outline.ts";
import { pullWithHelm } from "./pull.ts";
import { fetchAll } from "./status.ts";
import { tableLines } from "./table.ts";
import { forgetUnreachable, unreachableFile } from "./unreachable.ts";

const log = createLog();
const print = (lines: readonly string[]): void => console.log(lines.join("\n"));
const names = Object.keys(charts) as ChartName[];

async function fetchCommand(chartsDir: string): Promise<number> {
  forgetUnreachable(unreachableFile(projectRoot));
  const statuses = await log.step("charts", (update) =>
    fetchAll(charts, {
      projectRoot,
      chartsDir,
      pull: pullWithHelm,
      onPull: ({ chart, version }) => update(`${chart} ${version}`),
    }),
  );
  const rows = statuses.map((s) => [
    s.name,
    s.version,
    s.from,
    s.problem === undefined ? s.digest : "PROBLEM",
  ]);
  print(tableLines(["chart", "version", "from", "digest"], rows));
  const outlines = statuses.flatMap((s) => s.outlineOnly ?? []);
  if (outlines.length > 0) {
    print([
      `\n${outlines.length} chart(s) could not be fetched. The embedded cluster uses placeholders; every other needs them:`,
      ...new Set(outlines.map((reason) => `  ${reason}`)),
    ]);
  }
  const problems = statuses.filter((s) => s.problem !== undefined);
  for (const { name, problem } of problems) log.info(`${name}: ${problem}`);
  return problems.length > 0 ? 1 : 0;
}

async function lockCommand(): Promise<number> {
  const digests = new Map<string, string>();
  const problems: string[] = [];
  for (const name of names) {
    const spec = charts[name];
    if (spec.repository === "own") continue;
    const outcome = await log.step(`${name} ${spec.version}`, () => publishedDigest(spec, pullWithHelm));
    if ("problem" in outcome) problems.push(`${name}: ${spec.repository}: ${outcome.problem}`);
    else if (spec.digest === "unverified") digests.set(name, outcome.digest);
    else if (spec.digest !== outcome.digest) {
      problems.push(`${name}: the repository gives ${outcome.digest}, charts.ts pins ${spec.digest}`);
    }
  }
  writeDigests(join(projectRoot, "charts.ts"), digests);
  print([`charts.ts: ${digests.size} digest(s) filled in`, ...[...digests].map((d) => `  ${d.join(" ")}`)]);
  for (const problem of problems) log.info(problem);
  return problems.length > 0 ? 1 : 0;
}

async function outlineCommand(chartsDir: string, wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => !(names as string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`no such chart: ${unknown.join(", ")}; there are ${names.join(", ")}`);
  // The systems' values bring the Pulumi SDK along, which the other commands can do without.
  const { recordChart, recordedStacks } = await import("./recordings.ts");
  const { writeOutline } = await import("./outlineFile.ts");
  const without: string[] = [];
  for (const name of names.filter((n) => wanted.length === 0 || wanted.includes(n))) {
    const path = chartPath(name, chartsDir);
    for (const stack of recordedStacks(name)) {
      const file = outlinePath(projectRoot, name, stack);
      if (path === undefined) {
        log.info(
          `${name}: not in ${chartsDir}; ${existsSync(file) ? "its outline stays as it is" : "NO OUTLINE"}`,
        );
        if (!existsSync(file)) without.push(name);
      } else {
        const outline = await log.step(`${name} -> ${relative(projectRoot, file)}`, () =>
          recordChart(name, path, stack),
        );
        writeOutline(file, outline);
      }
    }
  }
  return without.length > 0 ? 1 : 0;
}

function chartPath(name: ChartName, chartsDir: string): string | undefined {
  const spec = charts[name];
  if (spec.repository === "own") return join(projectRoot, "charts", spec.chart);
  const lookup = findInFolder(chartsDir, spec);
  return "chart" in lookup ? lookup.chart.path : undefined;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "charts-dir": { type: "string", default: ".mlops/charts" } },
  });
  const [command, ...rest] = positionals;
  const chartsDir = resolve(projectRoot, values["charts-dir"]);
  switch (command) {
    case "fetch":
      return fetchCommand(chartsDir);
    case "lock":
      return lockCommand();
    case "outline":
      return outlineCommand(chartsDir, rest);
    default:
      throw new Error("usage: node tools/charts/cli.ts fetch | lock | outline [NAME..] [--charts-dir DIR]");
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
