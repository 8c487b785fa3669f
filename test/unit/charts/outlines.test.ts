import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type ChartName, charts } from "../../../charts.ts";
import { sizes } from "../../../components/target.ts";
import { findInFolder } from "../../../tools/charts/chartsFolder.ts";
import {
  crdName,
  leftoverCrds,
  loadOutlines,
  outlinedStacks,
  outlinePath,
} from "../../../tools/charts/outline.ts";
import { outlineText } from "../../../tools/charts/outlineFile.ts";
import { placeholderChart } from "../../../tools/charts/placeholder.ts";
import { recordChart, recordedStacks } from "../../../tools/charts/recordings.ts";
import { requestedBy } from "../../../tools/charts/requested.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { temporaryFolder, writeFile } from "./support.ts";

const all = Object.keys(charts) as ChartName[];
const chartsDir = resolve(projectRoot, process.env.MLOPS_CHARTS_DIR ?? ".mlops/charts");
const hasHelm = spawnSync("helm", ["version"]).status === 0;

function pathOf(name: ChartName): string | undefined {
  if (charts[name].repository === "own") return join(projectRoot, "charts", charts[name].chart);
  const lookup = findInFolder(chartsDir, charts[name]);
  return "chart" in lookup ? lookup.chart.path : undefined;
}

describe.each(outlinedStacks)("recorded outlines of the stack %s", (stack) => {
  const names = all.filter((name) => recordedStacks(name).includes(stack));
  const outlines = loadOutlines(projectRoot, names, stack);

  it.each(names)("%s is of the pinned version, and written as the recorder writes it", (name) => {
    const outline = outlines.get(name);
    expect(outline).toMatchObject({ chart: charts[name].chart, version: charts[name].version });
    expect(outline && outlineText(outline)).toBe(readFileSync(outlinePath(projectRoot, name, stack), "utf8"));
  });

  it.each(names)("%s makes a placeholder at each size, all of whose pods match their selector", (name) => {
    const outline = outlines.get(name);
    if (outline === undefined) throw new Error("not recorded");
    for (const size of sizes) {
      expect(placeholderChart(outline, size).version).toContain("-outline.h");
      for (const { labels, selector } of outline.sizes[size].workloads) {
        expect(labels ?? {}).toMatchObject(selector ?? {});
      }
    }
  });

  it("define each CRD once", () => {
    const all = [...outlines.values()].flatMap((o) => o.crds.map(crdName));
    expect(all).toEqual([...new Set(all)]);
  });

  it("say which CRDs Helm leaves behind", () => {
    expect(leftoverCrds(outlines.values())).toContain("rayclusters.ray.io");
    expect(leftoverCrds(outlines.values())).not.toContain("applications.argoproj.io");
  });

  it("at size small ask for at most 3.5 cores and 9 GiB without vLLM, on four nodes", () => {
    const counted = new Map([...outlines].filter(([name]) => name !== "vllm-stack"));
    const { cpu, memory } = requestedBy(counted, "small", 4).total;
    expect(cpu).toBeLessThanOrEqual(3.5);
    expect(memory / 2 ** 30).toBeLessThanOrEqual(9);
  });

  it("at size production ask for no less than at size small", () => {
    const small = requestedBy(outlines, "small", 1).charts;
    const production = requestedBy(outlines, "production", 1).charts;
    for (const name of names) {
      expect(production[name]?.cpu, name).toBeGreaterThanOrEqual(small[name]?.cpu ?? 0);
      expect(production[name]?.memory, name).toBeGreaterThanOrEqual(small[name]?.memory ?? 0);
    }
  });

  describe.each(names)("%s", (name) => {
    const path = pathOf(name);
    // Skipped, never passed, where there is nothing to compare with.
    it.skipIf(path === undefined || !hasHelm)(
      "equals what the real chart renders with our values",
      { timeout: 60_000 },
      async () => {
        expect(await recordChart(name, path ?? "", stack)).toEqual(outlines.get(name));
      },
    );
  });
});

describe("an outline's file", () => {
  it("that is missing or broken is told by name", () => {
    const root = temporaryFolder();
    expect(() => loadOutlines(root, ["one", "two"])).toThrow(/one, two/);
    writeFile(outlinePath(root, "one"), "{");
    expect(() => loadOutlines(root, ["one"])).toThrow(/one\.json is not JSON/);
    writeFile(outlinePath(root, "one"), '{"chart": "one"}');
    expect(() => loadOutlines(root, ["one"])).toThrow(/one\.json is no outline/);
  });
});
