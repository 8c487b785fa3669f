import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ChartSpec } from "../../../charts.ts";
import { readArchive } from "../../../tools/charts/archive.ts";
import { type PullChart, PullError } from "../../../tools/charts/pull.ts";
import { ChartsError, type ResolveOptions, resolveFrom } from "../../../tools/charts/resolve.ts";
import { forgetUnreachable, unreachableFile } from "../../../tools/charts/unreachable.ts";
import {
  chartArchive,
  chartFiles,
  chartSpec,
  outlineWith,
  temporaryFolder,
  writeFile,
  writeFolder,
} from "./support.ts";

const STAGED = ".mlops/staged/chart/tiny.tgz";
const PLACEHOLDER = ".mlops/staged/outline/tiny.tgz";

let projectRoot: string;
let notices: string[];

const unreachablePull: PullChart = async () => {
  throw new PullError("no answer from charts.example.test: no such host", "host");
};

function pulling(archive: Buffer): PullChart {
  return async (spec, folder) => {
    const path = join(folder, `${spec.chart}-${spec.version}.tgz`);
    writeFileSync(path, archive);
    return path;
  };
}

function options(over: Partial<ResolveOptions> = {}): ResolveOptions {
  return {
    projectRoot,
    chartsDir: ".mlops/charts",
    allowOutline: false,
    size: "small",
    pull: unreachablePull,
    onNotice: (text) => notices.push(text),
    ...over,
  };
}

async function resolveTiny(spec: ChartSpec = chartSpec(), over: Partial<ResolveOptions> = {}) {
  return (await resolveFrom({ tiny: spec }, ["tiny"], options(over))).get("tiny");
}

async function problemsOf(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ChartsError);
  return (error as ChartsError).message;
}

function inChartsFolder(name: string): string {
  return join(projectRoot, ".mlops/charts", name);
}

function sha256(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function recordOutline(): void {
  const outline = outlineWith({ serviceAccounts: [{ name: "tiny" }] });
  writeFile(join(projectRoot, "charts/outlines/tiny.json"), JSON.stringify(outline));
}

beforeEach(() => {
  projectRoot = temporaryFolder();
  notices = [];
});

describe("a chart in the charts folder", () => {
  it("is staged as it is, under a path that says nothing of where it came from", async () => {
    const archive = chartArchive();
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), archive);
    expect(await resolveTiny()).toEqual({ chart: STAGED, version: "1.2.3", kind: "real" });
    expect(readFileSync(join(projectRoot, STAGED))).toEqual(archive);
    expect(notices.join()).toContain("tiny");
  });

  it.each(["tiny", "tiny-1.2.3"])("may be unpacked as %s, and gives the same path", async (folder) => {
    writeFolder(inChartsFolder(folder), chartFiles());
    expect(await resolveTiny()).toEqual({ chart: STAGED, version: "1.2.3", kind: "real" });
    const staged = readArchive(readFileSync(join(projectRoot, STAGED)));
    expect(new Map([...staged].sort())).toEqual(new Map([...chartFiles()].sort()));
  });

  it("may lie in an absolute charts folder", async () => {
    const elsewhere = temporaryFolder();
    writeFile(join(elsewhere, "tiny-1.2.3.tgz"), chartArchive());
    expect((await resolveTiny(chartSpec(), { chartsDir: elsewhere }))?.chart).toBe(STAGED);
  });

  it("unpacked in another version is an error that tells both", async () => {
    writeFolder(inChartsFolder("tiny"), chartFiles({ version: "1.2.2" }));
    const problems = await problemsOf(resolveTiny(chartSpec(), { pull: pulling(chartArchive()) }));
    expect(problems).toContain("1.2.2");
    expect(problems).toContain("1.2.3");
  });

  it("packed in another version gives way to the right one, and is an error when that cannot be had", async () => {
    recordOutline();
    writeFile(inChartsFolder("tiny-1.2.2.tgz"), chartArchive({ version: "1.2.2" }));
    const problems = await problemsOf(resolveTiny(chartSpec(), { allowOutline: true }));
    expect(problems).toContain("holds 1.2.2");
    expect(problems).toContain("no such host");
    forgetUnreachable(unreachableFile(projectRoot));
    expect((await resolveTiny(chartSpec(), { pull: pulling(chartArchive()) }))?.kind).toBe("real");
  });

  it("is not taken for another whose name begins alike", async () => {
    writeFile(inChartsFolder("tiny-extra-1.2.2.tgz"), chartArchive({ name: "tiny-extra", version: "1.2.2" }));
    expect(await problemsOf(resolveTiny())).not.toContain("1.2.2");
  });

  it("cut short is refused before anything is staged", async () => {
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive());
    truncateSync(inChartsFolder("tiny-1.2.3.tgz"), 200);
    expect(await problemsOf(resolveTiny())).toMatch(/tiny-1\.2\.3\.tgz: the archive is cut short/);
    expect(existsSync(join(projectRoot, ".mlops/staged"))).toBe(false);
  });

  it("that says another name or version inside is refused", async () => {
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive({ name: "other" }));
    expect(await problemsOf(resolveTiny())).toMatch(/says other 1\.2\.3, charts\.ts pins tiny 1\.2\.3/);
  });

  it("whose dependency is missing is refused; with it, it is not", async () => {
    const chartYaml = "dependencies: [{name: redis, version: 1.0.0, condition: redis.enabled}]\n";
    const files = chartFiles({ chartYaml });
    writeFolder(inChartsFolder("tiny"), files);
    expect(await problemsOf(resolveTiny())).toMatch(/dependency redis/);
    writeFile(inChartsFolder("tiny/charts/redis-1.0.0.tgz"), "x");
    expect((await resolveTiny())?.kind).toBe("real");
  });
});

describe("a digest", () => {
  it("that matches is accepted, without a notice, where verified charts are required", async () => {
    const archive = chartArchive();
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), archive);
    const spec = chartSpec({ digest: sha256(archive) });
    expect((await resolveTiny(spec, { requireVerified: true }))?.kind).toBe("real");
    expect(notices).toEqual([]);
  });

  it("that does not match is refused with both", async () => {
    const archive = chartArchive({ body: "tampered" });
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), archive);
    const pinned = sha256(chartArchive());
    const problems = await problemsOf(resolveTiny(chartSpec({ digest: pinned })));
    expect(problems).toContain(pinned);
    expect(problems).toContain(sha256(archive));
  });

  it("that does not match what the repository sent keeps it out of the charts folder, outline or not", async () => {
    recordOutline();
    const spec = chartSpec({ digest: sha256(chartArchive()) });
    const pull = pulling(chartArchive({ body: "tampered" }));
    expect(await problemsOf(resolveTiny(spec, { pull, allowOutline: true }))).toContain(spec.digest);
    expect(readdirSync(join(projectRoot, ".mlops/charts"))).toEqual([]);
  });

  it("is checked again although the chart is staged", async () => {
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive());
    await resolveTiny();
    expect(await problemsOf(resolveTiny(chartSpec({ digest: `sha256:${"0".repeat(64)}` })))).toContain(
      "pins",
    );
  });

  it("that nobody checked is refused where verified charts are required", async () => {
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive());
    expect(await problemsOf(resolveTiny(chartSpec(), { requireVerified: true }))).toContain("make lock");
  });

  it("cannot be checked on an unpacked chart, which is refused where verified charts are required", async () => {
    writeFolder(inChartsFolder("tiny"), chartFiles());
    const spec = chartSpec({ digest: `sha256:${"0".repeat(64)}` });
    expect((await resolveTiny(spec))?.kind).toBe("real");
    expect(notices.join()).toContain("cannot be checked: tiny");
    expect(await problemsOf(resolveTiny(spec, { requireVerified: true }))).toContain("unpacked");
  });

  it("that is none is an error of the table", async () => {
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive());
    expect(await problemsOf(resolveTiny(chartSpec({ digest: "sha256:abc" })))).toContain('"sha256:abc"');
  });
});

describe("a chart from its repository", () => {
  it("is fetched into the charts folder once", async () => {
    const pull = vi.fn(pulling(chartArchive()));
    await resolveTiny(chartSpec(), { pull });
    await resolveTiny(chartSpec(), { pull });
    expect(pull).toHaveBeenCalledOnce();
    expect(readdirSync(join(projectRoot, ".mlops/charts"))).toEqual(["tiny-1.2.3.tgz"]);
  });

  it("that cannot be had is an error naming chart, repository, reason and remedy", async () => {
    const problems = await problemsOf(resolveTiny());
    for (const part of ["tiny 1.2.3", "https://charts.example.test", "no such host", "make charts"]) {
      expect(problems).toContain(part);
    }
  });

  it("is asked for each time where nothing can stand in for it", async () => {
    const pull = vi.fn(unreachablePull);
    await problemsOf(resolveTiny(chartSpec(), { pull }));
    await problemsOf(resolveTiny(chartSpec(), { pull }));
    expect(pull).toHaveBeenCalledTimes(2);
  });

  it("is not asked for after its host gave no answer to another", async () => {
    const table = { tiny: chartSpec(), other: chartSpec({ chart: "other" }) };
    const pull = vi.fn(unreachablePull);
    const problems = await problemsOf(resolveFrom(table, ["tiny", "other"], options({ pull })));
    expect(pull).toHaveBeenCalledOnce();
    expect(problems).toContain("tiny");
    expect(problems).toContain("other");
  });

  it("is asked for although the host did not have another", async () => {
    const table = { other: chartSpec({ chart: "other" }), tiny: chartSpec() };
    const pull = vi.fn<PullChart>(async (spec, folder) => {
      if (spec.chart === "other") throw new PullError("not found", "chart");
      return pulling(chartArchive())(spec, folder);
    });
    await problemsOf(resolveFrom(table, ["other", "tiny"], options({ pull })));
    expect(existsSync(inChartsFolder("tiny-1.2.3.tgz"))).toBe(true);
  });

  it("damaged on its way leaves nothing in the charts folder", async () => {
    const pull = pulling(chartArchive().subarray(0, 150));
    expect(await problemsOf(resolveTiny(chartSpec(), { pull }))).toContain("cut short");
    expect(readdirSync(join(projectRoot, ".mlops/charts"))).toEqual([]);
  });
});

describe("a placeholder", () => {
  it("stands in where that is allowed, under another path and version, and says so", async () => {
    recordOutline();
    const source = await resolveTiny(chartSpec(), { allowOutline: true });
    expect(source).toEqual({
      chart: PLACEHOLDER,
      version: expect.stringMatching(/^1\.2\.3-outline\.h[0-9a-f]{8}$/),
      kind: "outline",
    });
    const chartYaml = readArchive(readFileSync(join(projectRoot, PLACEHOLDER)))
      .get("Chart.yaml")
      ?.toString();
    expect(chartYaml).toContain(source?.version);
    expect(notices.join()).toContain("no such host");
  });

  it("is not used where it is not allowed", async () => {
    recordOutline();
    expect(await problemsOf(resolveTiny())).toContain("make charts");
  });

  it("does not hide that none was recorded, or that the record is broken", async () => {
    expect(await problemsOf(resolveTiny(chartSpec(), { allowOutline: true }))).toContain("no such host");
    writeFile(join(projectRoot, "charts/outlines/tiny.json"), '{"chart": 1}');
    expect(await problemsOf(resolveTiny(chartSpec(), { allowOutline: true }))).toContain("tiny.json");
  });

  it("gives way to the real chart as soon as that is there", async () => {
    recordOutline();
    await resolveTiny(chartSpec(), { allowOutline: true });
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive());
    expect((await resolveTiny(chartSpec(), { allowOutline: true }))?.chart).toBe(STAGED);
  });

  it("lets an unreachable repository rest for an hour, or until it is forgotten", async () => {
    recordOutline();
    const pull = vi.fn(unreachablePull);
    await resolveTiny(chartSpec(), { allowOutline: true, pull });
    await resolveTiny(chartSpec(), { allowOutline: true, pull });
    expect(pull).toHaveBeenCalledTimes(1);
    vi.useFakeTimers({ now: Date.now() + 3_600_001, toFake: ["Date"] });
    await resolveTiny(chartSpec(), { allowOutline: true, pull });
    vi.useRealTimers();
    expect(pull).toHaveBeenCalledTimes(2);
    forgetUnreachable(unreachableFile(projectRoot));
    await resolveTiny(chartSpec(), { allowOutline: true, pull });
    expect(pull).toHaveBeenCalledTimes(3);
  });

  it("does not make a missing helm look like a dead network", async () => {
    recordOutline();
    const pull = vi.fn<PullChart>(async () => {
      throw new PullError("helm is not on PATH", "nothing");
    });
    await resolveTiny(chartSpec(), { allowOutline: true, pull });
    await resolveTiny(chartSpec(), { allowOutline: true, pull });
    expect(pull).toHaveBeenCalledTimes(2);
  });
});

describe("a chart of our own", () => {
  const own = chartSpec({ repository: "own", digest: "own" });

  it("gets a version that changes with its content, and only then", async () => {
    writeFolder(join(projectRoot, "charts/tiny"), chartFiles());
    const first = await resolveTiny(own, { requireVerified: true });
    expect(first).toEqual({
      chart: STAGED,
      version: expect.stringMatching(/^1\.2\.3-h[0-9a-f]{8}$/),
      kind: "own",
    });
    expect(await resolveTiny(own)).toEqual(first);
    const chartYaml = readArchive(readFileSync(join(projectRoot, STAGED)))
      .get("Chart.yaml")
      ?.toString();
    expect(chartYaml).toContain(`version: ${first?.version}\n`);
    writeFolder(join(projectRoot, "charts/tiny"), chartFiles({ body: "b" }));
    expect((await resolveTiny(own))?.version).not.toBe(first?.version);
  });

  it("that is missing, or of another version than the table says, is an error", async () => {
    expect(await problemsOf(resolveTiny(own))).toContain("holds no chart");
    writeFolder(join(projectRoot, "charts/tiny"), chartFiles({ version: "2.0.0" }));
    expect(await problemsOf(resolveTiny(own))).toContain("2.0.0");
  });
});

describe("problems", () => {
  it("of all charts are listed at once, and nothing is staged", async () => {
    const table = {
      tiny: chartSpec(),
      broken: chartSpec({ chart: "broken" }),
      absent: chartSpec({ chart: "absent" }),
    };
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive());
    writeFile(inChartsFolder("broken-1.2.3.tgz"), "not an archive");
    const message = await problemsOf(resolveFrom(table, ["tiny", "broken", "absent"], options()));
    expect(message).toContain("2 chart problem(s)");
    expect(message).toContain("broken:");
    expect(message).toContain("absent:");
    expect(existsSync(join(projectRoot, ".mlops/staged"))).toBe(false);
  });
});

describe("staging", () => {
  const staged = (): string => join(projectRoot, STAGED);

  beforeEach(() => writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive()));

  it("leaves what is right as it is", async () => {
    await resolveTiny();
    const before = statSync(staged());
    await resolveTiny();
    expect(statSync(staged())).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it("mends what was damaged or removed", async () => {
    await resolveTiny();
    writeFileSync(staged(), "damaged");
    await resolveTiny();
    expect(readFileSync(staged())).toEqual(chartArchive());
    rmSync(staged());
    await resolveTiny();
    expect(readFileSync(staged())).toEqual(chartArchive());
  });

  it("follows the charts folder", async () => {
    await resolveTiny();
    writeFile(inChartsFolder("tiny-1.2.3.tgz"), chartArchive({ body: "changed" }));
    await resolveTiny();
    expect(readFileSync(staged())).toEqual(chartArchive({ body: "changed" }));
  });

  it("shows a reader at any moment one whole archive, and leaves nothing behind", async () => {
    await resolveTiny();
    // Big enough not to be written in one go.
    const archives = ["a", "b"].map((letter) =>
      chartArchive({
        body: Array.from({ length: 2_000 }, (_, i) => sha256(Buffer.from(letter + i))).join(""),
      }),
    );
    const reader = new Worker(
      `const { readFileSync } = require("node:fs");
       const { parentPort, workerData } = require("node:worker_threads");
       const { gunzipSync } = require("node:zlib");
       let reads = 0;
       const next = () => { gunzipSync(readFileSync(workerData)); reads += 1; setImmediate(next); };
       parentPort.on("message", () => { parentPort.postMessage(reads); process.exit(); });
       next();`,
      { eval: true, workerData: staged() },
    );
    const failed = new Promise<never>((_, reject) => reader.on("error", reject));
    const write = async (): Promise<number> => {
      for (let round = 0; round < 20; round += 1) {
        writeFile(inChartsFolder("tiny-1.2.3.tgz"), archives[round % 2] ?? "");
        await Promise.all([resolveTiny(), resolveTiny()]);
        await new Promise((resume) => setImmediate(resume));
      }
      const reads = new Promise<number>((resolve) => reader.once("message", resolve));
      reader.postMessage("stop");
      return reads;
    };
    expect(await Promise.race([failed, write()])).toBeGreaterThan(0);
    expect(readdirSync(join(projectRoot, ".mlops/staged/chart")).sort()).toEqual(["tiny.json", "tiny.tgz"]);
  });
});
