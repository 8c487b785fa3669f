import { randomBytes } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type ChartName, charts } from "../../charts.ts";
import { awsTraits } from "../../components/aws/facts.ts";
import { commonTags } from "../../components/aws/tags.ts";
import { platformOptions, selectCharts } from "../../components/platform/platform.ts";
import type { AwsConfig } from "../../config/schema.ts";
import { writeArchive } from "../charts/archive.ts";
import { archiveName, findInFolder } from "../charts/chartsFolder.ts";
import { sha256 } from "../charts/files.ts";
import { writeDigests } from "../charts/lock.ts";
import { readOutline } from "../charts/outline.ts";
import { placeholderChart } from "../charts/placeholder.ts";
import { stopAutomaticLog } from "../lib/automaticLog.ts";
import { copyCheckout } from "../lib/copyCheckout.ts";
import { type ExecOptions, type ExecResult, exec } from "../lib/exec.ts";
import { cacheDir, projectRoot, pulumiHome, toolBinDir } from "../lib/paths.ts";
import { variables } from "../plugins/aws/rehearsal.ts";
import { rehearsalPlugins, type StandIn } from "../plugins/standIns.ts";
import { fileBackendUrl, policyPackOption, preloadOption } from "../stack/paths.ts";
import { pluginFolder, standInScript } from "../toolchain/standIn.ts";

export interface RoomOptions {
  /** Configuration of the stack, `mlops:key` to value. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Folder with real chart archives to rehearse with; charts that it lacks, by default all, are placeholders. */
  readonly chartsDir?: string;
}

/**
 * A copy of this checkout with everything of its own that a real stack could be harmed through: backend,
 * PULUMI_HOME with the recording plugins, embedded cluster, charts. The program in it is the real one.
 */
export interface Room {
  readonly root: string;
  /** Data folder of the embedded cluster. */
  readonly clusterDir: string;
  /** What AWS would have done. */
  readonly journal: string;
  /** Runs the CLI on the stack in the room. */
  pulumi(args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Environment of what runs in the room. */
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

/** Makes a room with an empty stack `aws` in it. */
export async function createRoom(config: AwsConfig, options: RoomOptions): Promise<Room> {
  const root = mkdtempSync(join(tmpdir(), "mlops-rehearsal-"));
  try {
    return await furnish(root, config, options);
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

async function furnish(root: string, config: AwsConfig, options: RoomOptions): Promise<Room> {
  const inside = (...parts: string[]): string => join(root, ".mlops", ...parts);
  await copyCheckout(root);
  for (const folder of ["config", "state", "charts"]) mkdirSync(inside(folder), { recursive: true });
  writeFileSync(
    inside("config", "Pulumi.aws.yaml"),
    stringify({ config: { ...options.config, "mlops:chartsDir": ".mlops/charts" } }),
  );
  fillCharts(root, inside("charts"), config, options.chartsDir);
  installPlugins(inside("home"));
  stopAutomaticLog(inside("home"));

  const clusterDir = inside("cluster");
  const journal = inside("journal.jsonl");
  const env = environment(root, config, { clusterDir, journal });
  const pulumi: Room["pulumi"] = (args, more = {}) =>
    exec("pulumi", [...args, "--stack", "aws", "--non-interactive"], {
      ...more,
      cwd: root,
      env: { ...env, ...more.env },
    });
  await exec("pulumi", ["stack", "init", "aws", "--non-interactive"], { cwd: root, env });
  return {
    root,
    clusterDir,
    journal,
    env,
    pulumi,
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

function environment(
  root: string,
  config: AwsConfig,
  { clusterDir, journal }: Pick<Room, "clusterDir" | "journal">,
): Record<string, string> {
  return {
    MLOPS_ROOT: root,
    MLOPS_CACHE: cacheDir(),
    PATH: `${toolBinDir()}:${process.env.PATH ?? ""}`,
    PULUMI_HOME: join(root, ".mlops", "home"),
    PULUMI_BACKEND_URL: fileBackendUrl(join(root, ".mlops", "state")),
    PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString("base64"),
    PULUMI_OPTION_POLICY_PACK: policyPackOption(root),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    NODE_OPTIONS: preloadOption(root),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(cacheDir(), "node-compile"),
    [variables.accountId]: config.accountId,
    [variables.region]: config.region,
    [variables.tags]: JSON.stringify(commonTags("aws", config)),
    [variables.journal]: journal,
    [variables.kubeconfig]: join(clusterDir, "kubeconfig"),
  };
}

/** The plugins of this project's PULUMI_HOME, and the recording ones. */
function installPlugins(home: string): void {
  mkdirSync(join(home, "plugins"), { recursive: true });
  const shared = join(pulumiHome(), "plugins");
  for (const name of readdirSync(shared)) {
    if (!/^resource-(kubernetes|random|command)-v[\d.]+$/.test(name)) continue;
    // The CLI does not take a link for a plugin's folder.
    mkdirSync(join(home, "plugins", name));
    for (const file of readdirSync(join(shared, name))) {
      symlinkSync(join(shared, name, file), join(home, "plugins", name, file));
    }
  }
  for (const { name, version } of Object.values<StandIn>(rehearsalPlugins)) {
    const folder = pluginFolder(home, name, version);
    mkdirSync(folder, { recursive: true });
    const script = standInScript({ projectRoot }, name, `tools/plugins/${name}`);
    writeFileSync(join(folder, `pulumi-resource-${name}`), script, { mode: 0o755 });
  }
}

/**
 * Puts every chart that the stack installs into the charts folder, and its digest into the chart table of the
 * copy: the aws stack takes no chart without one, here as anywhere.
 */
function fillCharts(root: string, folder: string, config: AwsConfig, chartsDir: string | undefined): void {
  const table = join(root, "charts.ts");
  const text = readFileSync(table, "utf8");
  writeFileSync(table, text.replace(/digest: "sha256:[0-9a-f]{64}"/g, 'digest: "unverified"'));
  const names = selectCharts(awsTraits(config), platformOptions(config));
  const digests = names
    .filter((name) => charts[name].repository !== "own")
    .map((name) => {
      const archive = realArchive(name, chartsDir) ?? placeholderArchive(name, config);
      writeFileSync(join(folder, archiveName(charts[name])), archive);
      return [name, `sha256:${sha256(archive)}`] as const;
    });
  writeDigests(table, new Map(digests));
}

function realArchive(name: ChartName, chartsDir: string | undefined): Buffer | undefined {
  if (chartsDir === undefined) return undefined;
  const found = findInFolder(chartsDir, charts[name]);
  return "chart" in found ? found.chart.archive : undefined;
}

/** The placeholder of a chart, under the version that the chart table pins. */
function placeholderArchive(name: ChartName, { size }: AwsConfig): Buffer {
  const outline = readOutline(projectRoot, name, "aws");
  if (outline === undefined) {
    throw new Error(`no outline of ${name} is recorded: run \`node tools/charts/cli.ts outline ${name}\``);
  }
  const { files } = placeholderChart(outline, size);
  const { chart, version } = charts[name];
  const chartYaml = Buffer.from(JSON.stringify({ apiVersion: "v2", name: chart, version }));
  return writeArchive(chart, new Map(files).set("Chart.yaml", chartYaml));
}

/** Keeps a room's logs where they can be looked at. @returns the folder. */
export function keepLogs(room: Room): string {
  const kept = mkdtempSync(join(tmpdir(), "mlops-rehearsal-logs-"));
  cpSync(join(room.clusterDir, "logs"), kept, { recursive: true });
  return kept;
}
