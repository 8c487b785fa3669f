import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pulumiHome } from "../lib/paths.ts";
import { shellQuoted } from "../lib/shell.ts";
import type { Context } from "./context.ts";
import { writeFileAtomic } from "./files.ts";
import { type Lock, readLock } from "./lockSchema.ts";

const MARK = "# mlops-platform stand-in";
const RETRY_AFTER_MS = 24 * 3600 * 1000;

/** The shell shim that serves a plugin from `folder` (relative to the checkout) with Node. */
export function standInScript(context: Pick<Context, "projectRoot">, name: string, folder: string): string {
  const main = join(folder, "main.ts");
  return `#!/bin/sh
${MARK} for ${name}: not the real plugin. Written by tools/toolchain; do not edit.
# A plugin folder is shared by clones: the clone in use (MLOPS_ROOT, set by ./env) goes before the one that wrote this.
for root in "\${MLOPS_ROOT:-}" ${shellQuoted(context.projectRoot)}; do
  if [ -n "$root" ] && [ -f "$root/${main}" ]; then
    node=${shellQuoted(process.execPath)}
    [ -x "$node" ] || node=node
    exec "$node" "$root/${main}" "$@"
  fi
done
echo "${name}: the checkout of this stand-in is gone; run: node tools/toolchain/cli.ts install" >&2
exit 1
`;
}

/** true if the file is such a shim and not a real plugin. */
export function isStandIn(path: string): boolean {
  if (!existsSync(path) || statSync(path).size > 64 * 1024) return false;
  return readFileSync(path, "utf8").includes(`\n${MARK} `);
}

/** Writes the shim into this checkout's own folder and returns its path. */
export function writeStandIn(context: Context, name: string, folder: string): string {
  const path = join(context.stateDir, "stand-ins", name);
  const script = standInScript(context, name, folder);
  if (!existsSync(path) || readFileSync(path, "utf8") !== script) writeFileAtomic(path, script);
  chmodSync(path, 0o755);
  return path;
}

function attemptFile(context: Context, name: string): string {
  return join(context.cacheDir, "tools", name, "release-unavailable");
}

/** Remembers why the real plugin could not be had, so that the next runs do not each wait for a timeout. */
export function rememberAttempt(context: Context, name: string, reason: string): void {
  writeFileAtomic(attemptFile(context, name), `${reason}\n`);
}

/** true if the real plugin could not be had less than a day ago; `install --refresh` tries anyway. */
export function triedRecently(context: Context, name: string): boolean {
  if (context.retryReleases) return false;
  const stat = statSync(attemptFile(context, name), { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs < RETRY_AFTER_MS;
}

/** Folder of an installed plugin below PULUMI_HOME, as the Pulumi CLI lays it out. */
export function pluginFolder(home: string, name: string, version: string): string {
  return join(home, "plugins", `resource-${name}-v${version}`);
}

/**
 * Plugins of the lock, as `NAME VERSION`, whose place in PULUMI_HOME a stand-in takes now. For outputs: whoever
 * reads a result must be able to see that a stand-in made it.
 */
export function standInsInUse(lock: Lock = readLock(), home: string = pulumiHome()): string[] {
  return Object.entries(lock.tools).flatMap(([tool, { plugin, version }]) => {
    if (plugin === undefined) return [];
    const file = join(pluginFolder(home, plugin.name, version), tool);
    return isStandIn(file) ? [`${plugin.name} ${version}`] : [];
  });
}
