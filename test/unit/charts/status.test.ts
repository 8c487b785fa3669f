import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ChartSpec } from "../../../charts.ts";
import { PullError } from "../../../tools/charts/pull.ts";
import { type ChartStatus, fetchAll } from "../../../tools/charts/status.ts";
import { tableLines } from "../../../tools/charts/table.ts";
import {
  chartArchive,
  chartFiles,
  chartSpec,
  outlineWith,
  temporaryFolder,
  writeFile,
  writeFolder,
} from "./support.ts";

async function statusesOf(
  projectRoot: string,
  table: Readonly<Record<string, ChartSpec>>,
): Promise<Map<string, ChartStatus>> {
  const statuses = await fetchAll(table, {
    projectRoot,
    chartsDir: join(projectRoot, ".mlops/charts"),
    pull: async (spec, folder) => {
      if (spec.chart !== "online") throw new PullError("no such host", "chart");
      const path = join(folder, "online-1.2.3.tgz");
      writeFile(path, chartArchive({ name: "online" }));
      return path;
    },
  });
  return new Map(statuses.map((s) => [s.name, s]));
}

describe("make charts", () => {
  it("fetches what is missing and says where each chart comes from", async () => {
    const root = temporaryFolder();
    writeFile(join(root, ".mlops/charts/tiny-1.2.3.tgz"), chartArchive());
    writeFolder(join(root, "charts/mine"), chartFiles({ name: "mine" }));
    writeFile(join(root, "charts/outlines/recorded.json"), JSON.stringify(outlineWith({})));
    const statuses = await statusesOf(root, {
      tiny: chartSpec(),
      online: chartSpec({ chart: "online" }),
      mine: chartSpec({ chart: "mine", repository: "own", digest: "own" }),
      recorded: chartSpec({ chart: "recorded" }),
    });
    expect(statuses.get("tiny")).toMatchObject({
      from: ".mlops/charts/tiny-1.2.3.tgz",
      digest: "unverified",
    });
    expect(statuses.get("online")).toMatchObject({ from: "https://charts.example.test" });
    expect(statuses.get("mine")).toMatchObject({ from: "charts/mine", digest: "own" });
    expect(statuses.get("recorded")?.outlineOnly).toContain("no such host");
    expect([...statuses.values()].filter((s) => s.problem !== undefined)).toEqual([]);
  });

  it("finds what is wrong with each", async () => {
    const root = temporaryFolder();
    writeFile(
      join(root, ".mlops/charts/damaged-1.2.3.tgz"),
      chartArchive({ name: "damaged" }).subarray(0, 100),
    );
    writeFile(join(root, ".mlops/charts/tiny-1.2.3.tgz"), chartArchive());
    writeFolder(join(root, ".mlops/charts/older"), chartFiles({ name: "older", version: "1.0.0" }));
    const statuses = await statusesOf(root, {
      damaged: chartSpec({ chart: "damaged" }),
      tiny: chartSpec({ digest: `sha256:${"0".repeat(64)}` }),
      older: chartSpec({ chart: "older" }),
      mine: chartSpec({ chart: "mine", repository: "own" }),
      absent: chartSpec({ chart: "absent" }),
    });
    expect(statuses.get("damaged")?.problem).toContain("cut short");
    expect(statuses.get("tiny")).toMatchObject({ digest: "wrong", problem: expect.stringContaining("pins") });
    expect(statuses.get("older")?.problem).toContain("1.0.0");
    expect(statuses.get("mine")?.problem).toContain("no chart");
    expect(statuses.get("absent")?.problem).toContain("no such host");
  });
});

describe("a table", () => {
  it("has aligned columns", () => {
    expect(tableLines(["a", "long"], [["wide", "x"]])).toEqual(["a     long", "wide  x"]);
  });
});
