/**
 * Measures, all in one run and each on a fresh embedded cluster: an empty program, a flat program with the
 * same releases, helm one release after the other, and ours. Prints a table and writes bench.json.
 *
 * CHARTS_DIR names a folder with real charts; without it, placeholders are installed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { charts } from "../../charts.ts";
import { pipelinesChart } from "../../pipelines/component.ts";
import { projectRoot } from "../../tools/lib/paths.ts";
import { createWorkspace, type Workspace } from "../support/workspace.ts";
import { writeEmptyProgram, writeFlatProgram } from "./flatProgram.ts";
import { type Measurement, measure, median } from "./measure.ts";
import { type DelayResult, delayReport, printResult, type Report } from "./report.ts";
import { type Installed, installedBy } from "./stackExport.ts";

const delays = [0, 15];
const workspace = await createWorkspace("bench");

/** What `. ./env` sets, once: it belongs to no command's time. */
let environment: Readonly<Record<string, string | undefined>> = {};

async function must(command: string, reveals = false): Promise<string> {
  const result = await workspace.run(command, { env: environment, limitMs: 1_200_000, reveals });
  if (result.code !== 0) throw new Error(`${command}: exit status ${result.code}\n${result.output}`);
  return result.output;
}

const kubeconfig = join(workspace.root, ".mlops", "embedded", "kubeconfig");

async function freshCluster(delay: number): Promise<void> {
  await must("node tools/embedded/cli.ts destroy");
  await must(
    `node tools/embedded/cli.ts start --without-services --pod-start-delay ${delay} --nodes "$MLOPS_ROOT/nodes.json"`,
  );
  // The API server makes its schema when it is first asked for; whoever came first would pay for it.
  await must(`kubectl --kubeconfig ${kubeconfig} get --raw /openapi/v2 >/dev/null`);
}

/** A preview changes nothing, so it can be repeated: the median of five. */
async function measurePreview(command: string): Promise<Measurement> {
  const runs: Measurement[] = [];
  for (let run = 0; run < 5; run += 1) runs.push(await measure(() => must(command)));
  return median(runs);
}

async function forgetStack(): Promise<void> {
  await must("pulumi stack rm local --yes --force --preserve-config && pulumi stack init local");
}

interface Ours {
  readonly cold: Measurement;
  readonly up: Measurement;
  readonly noop: Measurement;
  readonly installed: Installed;
}

async function measureOurs(delay: number): Promise<Ours> {
  await freshCluster(delay);
  const cold = await measurePreview("pulumi preview --stack local");
  const up = await measure(() => must("pulumi up --yes --skip-preview --stack local"));
  const noop = await measure(() => must("pulumi preview --expect-no-changes --stack local"));
  // Standard output alone: the export is JSON.
  const file = join(workspace.root, "export.json");
  await must(`pulumi stack export --show-secrets --stack local --file ${file}`, true);
  const installed = installedBy(readFileSync(file, "utf8"), {
    ...charts,
    [pipelinesChart.name]: { needs: ["argo-workflows"] },
  });
  await forgetStack();
  return { cold, up, noop, installed };
}

async function applyPrerequisites(installed: Installed): Promise<void> {
  const file = join(workspace.root, "prerequisites.json");
  const items = installed.prerequisites.map(({ inputs }) => inputs);
  const list = { apiVersion: "v1", kind: "List", items };
  writeFileSync(file, JSON.stringify(list), { mode: 0o600 });
  // Namespaces first: the rest of the list may stand before its own.
  await must(`kubectl --kubeconfig ${kubeconfig} apply -f ${file} >/dev/null 2>&1 || true`);
  await must(`kubectl --kubeconfig ${kubeconfig} apply -f ${file} >/dev/null`);
}

async function measureHelm(delay: number, installed: Installed): Promise<Record<string, number>> {
  await freshCluster(delay);
  await applyPrerequisites(installed);
  const seconds: Record<string, number> = {};
  for (const release of installed.releases) {
    const values = join(workspace.root, "values.json");
    writeFileSync(values, JSON.stringify(release.values ?? {}));
    const command =
      `helm upgrade --install ${release.name} ${release.chart} --namespace ${release.namespace} ` +
      `--values ${values} --wait --timeout ${release.timeout}s --kubeconfig ${kubeconfig} >/dev/null`;
    seconds[release.name] = (await measure(() => must(command))).seconds;
  }
  return seconds;
}

interface Flat {
  /** With the releases alone: everything else is there already. */
  readonly cold: Measurement;
  /** With the same Kubernetes objects as ours besides, on an empty cluster. */
  readonly coldWithObjects: Measurement;
  readonly up: Measurement;
  readonly noop: Measurement;
}

async function measureFlat(delay: number, installed: Installed): Promise<Flat> {
  await freshCluster(delay);
  const dir = join(workspace.root, ".mlops", `flat-${delay}`);
  const releases = installed.releases.map((release) => ({
    ...release,
    chart: join(workspace.root, release.chart),
  }));
  const write = (objects: Installed["objects"]): void =>
    writeFlatProgram(dir, join(projectRoot, "node_modules"), { kubeconfig, releases, objects });
  const inDir = `cd ${dir} && `;
  write(installed.objects);
  await must(`${inDir}pulumi stack init flat`);
  const coldWithObjects = await measurePreview(`${inDir}pulumi preview --stack flat`);
  await applyPrerequisites(installed);
  write([]);
  const cold = await measurePreview(`${inDir}pulumi preview --stack flat`);
  const up = await measure(() => must(`${inDir}pulumi up --yes --skip-preview --stack flat`));
  const noop = await measure(() => must(`${inDir}pulumi preview --stack flat`));
  await must(`${inDir}pulumi stack rm flat --yes --force`);
  return { cold, coldWithObjects, up, noop };
}

async function measureEmpty(): Promise<Measurement> {
  const dir = join(workspace.root, ".mlops", "empty");
  writeEmptyProgram(dir, join(projectRoot, "node_modules"));
  await must(`cd ${dir} && pulumi stack init empty`);
  return await measurePreview(`cd ${dir} && pulumi preview --stack empty`);
}

async function prepareWorkspace(into: Workspace): Promise<void> {
  await into.run("make setup");
  const { stdout } = await into.inEnv("env -0");
  const set = stdout
    .split("\0")
    .filter(Boolean)
    .map((line) => line.split(/=(.*)/s) as [string, string]);
  // Without the policy pack: it would cost every Pulumi program the same, and helm nothing.
  environment = { ...Object.fromEntries(set), PULUMI_OPTION_POLICY_PACK: undefined };
  const { localConfig } = await import(join(into.root, "tools/stack/localConfig.ts"));
  const { embeddedNodes } = await import(join(into.root, "tools/stack/nodes.ts"));
  writeFileSync(into.path("nodes.json"), JSON.stringify(embeddedNodes(localConfig().nodes)));
  const chartsDir = process.env.CHARTS_DIR;
  if (chartsDir) await must(`pulumi config set mlops:chartsDir ${chartsDir} --stack local`);
}

try {
  await prepareWorkspace(workspace);
  const empty = await measureEmpty();
  const cores = cpus().length;
  const realCharts = Boolean(process.env.CHARTS_DIR);
  console.log(`${cores} cores, ${realCharts ? "real charts" : "placeholders"}`);
  console.log(`empty program: preview ${empty.seconds.toFixed(1)} s`);
  const results: DelayResult[] = [];
  for (const delay of delays) {
    console.error(`pods start after ${delay} s: ours`);
    const ours = await measureOurs(delay);
    console.error(`pods start after ${delay} s: helm, one release after the other`);
    const helm = await measureHelm(delay, ours.installed);
    console.error(`pods start after ${delay} s: flat program`);
    const flat = await measureFlat(delay, ours.installed);
    const result = delayReport({ delay, ours, flat, helm, releases: ours.installed.releases, cores });
    printResult(result);
    results.push(result);
  }
  const report: Report = { cores, realCharts, empty, results };
  writeFileSync(join(projectRoot, "bench.json"), `${JSON.stringify(report, undefined, 2)}\n`);
} finally {
  await workspace.remove();
}
