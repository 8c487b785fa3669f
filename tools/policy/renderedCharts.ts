/**
 * The rendered-charts door: every chart that is present, rendered with the values of each stack at each size, is
 * judged by the same rules as everything else. What is not present is named, not counted as checked.
 *
 * Usage: node tools/policy/renderedCharts.ts [--charts-dir DIR]
 * Exit status: that of `mlops-policy`; 2 when a chart cannot be rendered.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type ChartName, charts } from "../../charts.ts";
import { type Size, sizes } from "../../components/target.ts";
import { findInFolder } from "../charts/chartsFolder.ts";
import { type OutlinedStack, outlinedStacks } from "../charts/outline.ts";
import { recordedStacks, renderRecorded } from "../charts/recordings.ts";
import { projectRoot } from "../lib/paths.ts";

/** Path of a chart that is present, in the folder or in this project. */
function locate(name: ChartName, chartsDir: string): string | undefined {
  const spec = charts[name];
  if (spec.repository === "own") return join(projectRoot, "charts", spec.chart);
  if (!existsSync(chartsDir)) return undefined;
  const found = findInFolder(chartsDir, spec);
  return "chart" in found ? found.chart.path : undefined;
}

async function renderInto(
  dir: string,
  { size, stack }: { readonly size: Size; readonly stack: OutlinedStack },
  present: ReadonlyMap<ChartName, string>,
): Promise<void> {
  for (const [name, path] of present) {
    const rendered = await renderRecorded(name, path, { size, stack, exposed: true });
    const folder = join(dir, charts[name].namespace);
    mkdirSync(folder, { recursive: true });
    // JSON is YAML, and keeps values as Helm wrote them.
    const documents = rendered.map(({ object }) => JSON.stringify(object));
    writeFileSync(join(folder, `${name}.yaml`), `${documents.join("\n---\n")}\n`);
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { "charts-dir": { type: "string", default: ".mlops/charts" } } });
  const chartsDir = resolve(projectRoot, values["charts-dir"]);
  const names = Object.keys(charts) as ChartName[];
  const located = names.map((name) => [name, locate(name, chartsDir)] as const);
  const present = new Map(located.flatMap(([name, path]) => (path === undefined ? [] : [[name, path]])));
  const absent = located.flatMap(([name, path]) => (path === undefined ? [name] : []));
  const dir = mkdtempSync(join(tmpdir(), "mlops-rendered-"));
  try {
    let worst = 0;
    for (const stack of outlinedStacks) {
      const onStack = new Map([...present].filter(([name]) => recordedStacks(name).includes(stack)));
      for (const size of sizes) {
        const rendered = join(dir, stack, size);
        await renderInto(rendered, { size, stack }, onStack);
        console.log(`\nstack ${stack}, size ${size}: ${[...onStack.keys()].join(", ")}`);
        const command = [join(projectRoot, "policy/cli/main.ts"), "charts", "--rendered", rendered];
        const result = spawnSync(process.execPath, [...command, "--stack", stack], {
          cwd: projectRoot,
          stdio: "inherit",
        });
        worst = Math.max(worst, result.status ?? 2);
      }
    }
    if (absent.length > 0) {
      console.log(
        `\nnot checked, because not in ${chartsDir}: ${absent.join(", ")} (make charts fetches them)`,
      );
    }
    return worst;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
