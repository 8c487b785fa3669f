import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createDownload } from "../lib/download.ts";
import { createLog, formatElapsed } from "../lib/log.ts";
import { toolBinDir } from "../lib/paths.ts";
import { createContext } from "./context.ts";
import { blockers, diagnose, renderFindings } from "./doctor.ts";
import { install } from "./install.ts";
import { type Group, groups, lockPath } from "./lockSchema.ts";
import { updateLockFile } from "./updateLock.ts";

const usage = `usage: node tools/toolchain/cli.ts COMMAND

  install [--group core|embedded|k3d|bench]... [--refresh]
            make the tools of the groups (default: core and embedded) usable; prints the folder for PATH
            --refresh: try again to download what could not be downloaded within the last day
  doctor    list every tool: found or not, version wanted, how to get it; exit status 1 if one cannot be had
  lock      download releases without a checksum and write their SHA-256 into lock.json
  path      print the folder that holds links to the tools
`;

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { group: { type: "string", multiple: true }, refresh: { type: "boolean" } },
  });
  const [command, ...rest] = positionals;
  if (rest.length > 0) throw new Error(`unexpected argument ${rest.join(" ")}\n${usage}`);
  switch (command) {
    case "install":
      return await runInstall(parseGroups(values.group ?? ["core", "embedded"]), values.refresh ?? false);
    case "doctor":
      return await runDoctor();
    case "lock":
      return await runLock();
    case "path":
      console.log(toolBinDir());
      return 0;
    default:
      throw new Error(`${command === undefined ? "no command" : `unknown command ${command}`}\n${usage}`);
  }
}

function parseGroups(names: readonly string[]): Group[] {
  return names.map((name) => {
    const group = groups.find((known) => known === name);
    if (group === undefined) throw new Error(`unknown group ${name}; known: ${groups.join(", ")}`);
    return group;
  });
}

async function runInstall(wanted: readonly Group[], retryReleases: boolean): Promise<number> {
  const start = performance.now();
  const tools = await install(createContext({ retryReleases }), wanted);
  const elapsed = formatElapsed(performance.now() - start);
  console.error(`toolchain: ${tools.length} tools ready (${wanted.join(", ")}; ${elapsed})`);
  console.log(toolBinDir());
  return 0;
}

async function runDoctor(): Promise<number> {
  const findings = await diagnose(createContext());
  console.log(renderFindings(findings));
  const missing = blockers(findings);
  if (missing.length === 0) return 0;
  console.error(`\nthe local stack cannot come up here without: ${missing.join(", ")}`);
  return 1;
}

async function runLock(): Promise<number> {
  const text = readFileSync(lockPath, "utf8");
  const update = await updateLockFile(lockPath, text, createDownload(), createLog());
  for (const { label, reason } of update.unverified) console.error(`unverified: ${label}: ${reason}`);
  console.error(
    `tools/toolchain/lock.json: ${update.filled.length} checksums filled, ${update.unverified.length} unverified`,
  );
  // Some releases may be gone for good; that no download worked at all is a fault of this machine.
  return update.unverified.length > 0 && update.filled.length === 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`toolchain: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
