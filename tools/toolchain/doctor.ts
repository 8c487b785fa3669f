import { homedir } from "node:os";
import type { Context } from "./context.ts";
import { findGo, type GoCommand, goProblem } from "./goBuild.ts";
import { releaseFor, type ToolSpec } from "./lockSchema.ts";
import {
  diskFinding,
  dockerState,
  type Finding,
  goFinding,
  memoryFinding,
  nodeFinding,
  pythonFinding,
} from "./machine.ts";
import { expand } from "./platform.ts";
import { candidatesOnPath } from "./probe.ts";
import { findPresent, howToGet } from "./resolve.ts";
import { releaseTag } from "./store.ts";

const REACH_TIMEOUT_MS = 5_000;

/** Everything that the local stack needs on this machine. Nothing is installed. */
export async function diagnose(context: Context): Promise<Finding[]> {
  const [go, docker] = await Promise.all([findGo(context), dockerState(context)]);
  const reach = reachability();
  const tools = await Promise.all(
    Object.entries(context.lock.tools).map(([name, spec]) =>
      diagnoseTool(context, name, spec, go, docker.running, reach),
    ),
  );
  const building = tools.some((tool) => tool.state === "can be had");
  return [
    nodeFinding(),
    ...tools,
    goFinding(context, go, building),
    docker.finding,
    await pythonFinding(context, docker.running),
    diskFinding(context, building),
    memoryFinding(),
  ];
}

/** `install` remembers for a day that a plugin could not be had. */
const standInHint =
  "a stand-in, not the real plugin; `node tools/toolchain/cli.ts install --refresh` asks for that one again";

/** Which of the two ways to run a local cluster this machine takes decides what it needs. */
function isNeeded(spec: ToolSpec, dockerRuns: boolean): boolean {
  return spec.group === "core" || spec.group === (dockerRuns ? "k3d" : "embedded");
}

async function diagnoseTool(
  context: Context,
  name: string,
  spec: ToolSpec,
  go: GoCommand,
  dockerRuns: boolean,
  reach: (url: string) => Promise<boolean>,
): Promise<Finding> {
  const wanted = spec.onPath === undefined ? spec.version : `${spec.version} (PATH: ${spec.onPath.range})`;
  const present = await findPresent(context, name, spec);
  if (present !== undefined) {
    const hint = present.source === "stand-in" ? standInHint : "";
    return {
      name,
      state: "ok",
      found: `${present.version} ${present.source}: ${present.path}`,
      wanted,
      hint,
    };
  }
  const others = await candidatesOnPath(context, name, spec);
  const found = others.map((one) => `${one.path} ${one.version ?? "without a version"}`).join(", ") || "no";
  const release = releaseFor(spec, context.platform);
  const url = release && expand(release.url, releaseTag(spec), context.platform);
  const build = spec.go;
  const hint =
    url !== undefined && (await reach(url))
      ? `install downloads it: ${url}`
      : build !== undefined && goProblem(context, go, build) === undefined
        ? "install builds it with Go"
        : spec.plugin?.standIn !== undefined
          ? `install puts a stand-in in its place (${spec.plugin.standIn})`
          : undefined;
  if (hint !== undefined) return { name, state: "can be had", found, wanted, hint };
  const state = isNeeded(spec, dockerRuns) ? "missing" : "optional";
  return {
    name,
    state,
    found,
    wanted,
    hint: howToGet(context, name, spec).replace(/^.*\n\s*to get it: /, ""),
  };
}

/** Asks each host once whether it answers at all. */
function reachability(): (url: string) => Promise<boolean> {
  const hosts = new Map<string, Promise<boolean>>();
  return (url) => {
    const { origin } = new URL(url);
    const known = hosts.get(origin);
    if (known !== undefined) return known;
    const answer = fetch(origin, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(REACH_TIMEOUT_MS),
    }).then(
      () => true,
      () => false,
    );
    hosts.set(origin, answer);
    return answer;
  };
}

/** The table as text; columns as wide as their content, the home folder shown as `~`. */
export function renderFindings(findings: readonly Finding[]): string {
  const short = (text: string): string => text.replaceAll(`${homedir()}/`, "~/");
  const rows = [
    ["", "tool", "wanted", "found", "how to get it"],
    ...findings.map(({ state, name, wanted, found, hint }) => [state, name, wanted, short(found), hint]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Names of what is missing and cannot be had: the local stack cannot come up. */
export function blockers(findings: readonly Finding[]): string[] {
  return findings.filter((finding) => finding.state === "missing").map((finding) => finding.name);
}
