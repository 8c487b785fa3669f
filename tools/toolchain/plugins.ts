import { existsSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { withLock } from "../lib/lockfile.ts";
import type { Context } from "./context.ts";
import { copyFileAtomic, fileState, readJson, writeFileAtomic } from "./files.ts";
import type { Resolved } from "./resolve.ts";
import { isStandIn, pluginFolder } from "./standIn.ts";

/** What was installed from where; kept beside the plugins. */
const recordSchema = z.object({
  source: z.object({ path: z.string(), size: z.number(), mtimeMs: z.number() }),
  installed: z.object({ size: z.number(), mtimeMs: z.number() }),
});

/**
 * Installs resolved plugins into PULUMI_HOME by `pulumi plugin install --file`, where they are used without
 * the warning that a plugin on PATH gets. A plugin that is there already, from the same file, is left alone.
 * A stand-in never replaces a real plugin that somebody installed; a real plugin replaces a stand-in.
 */
export async function installPlugins(
  context: Context,
  pulumi: string,
  plugins: readonly Resolved[],
): Promise<void> {
  for (const plugin of plugins) {
    if (isUpToDate(context, plugin)) continue;
    await withLock(join(context.cacheDir, "locks", "plugins"), async () => {
      if (!isUpToDate(context, plugin)) await install(context, pulumi, plugin);
    });
  }
}

function names(context: Context, plugin: Resolved): { name: string; version: string; file: string } {
  const name = plugin.spec.plugin?.name ?? plugin.name;
  // The version that the program's package asks for, also when a build's or a stand-in's own differs.
  const { version } = plugin.spec;
  return { name, version, file: join(pluginFolder(context.pulumiHome, name, version), plugin.name) };
}

function recordFile(context: Context, plugin: Resolved): string {
  const { name, version } = names(context, plugin);
  return join(context.pulumiHome, "mlops", `${name}-${version}.json`);
}

function isUpToDate(context: Context, plugin: Resolved): boolean {
  const { file } = names(context, plugin);
  const installed = fileState(file);
  if (installed === undefined) return false;
  if (plugin.source === "stand-in" && !isStandIn(file)) return true;
  const record = recordSchema.safeParse(readJson(recordFile(context, plugin)));
  const source = fileState(plugin.path);
  if (!record.success || source === undefined) return false;
  const same =
    record.data.source.path === plugin.path &&
    record.data.source.size === source.size &&
    record.data.source.mtimeMs === source.mtimeMs;
  return (
    same &&
    record.data.installed.size === installed.size &&
    record.data.installed.mtimeMs === installed.mtimeMs
  );
}

async function install(context: Context, pulumi: string, plugin: Resolved): Promise<void> {
  const { name, version, file } = names(context, plugin);
  const kind = plugin.source === "stand-in" ? "stand-in plugin" : "plugin";
  if (plugin.source !== "stand-in" && existsSync(file) && isStandIn(file)) {
    context.log.info(`  ${plugin.name}: the real plugin is at hand now and replaces the stand-in`);
  }
  if (plugin.source === "stand-in" && isStandIn(file)) {
    // Another clone's, which may be at work: the CLI would take the plugin away before it puts the new one there.
    copyFileAtomic(plugin.path, file);
  } else {
    await context.log.step(`${plugin.name} ${version}: installing ${kind}`, () =>
      context.exec(
        pulumi,
        ["plugin", "install", "resource", name, version, "--reinstall", "--file", plugin.path],
        {
          env: { PULUMI_HOME: context.pulumiHome, PULUMI_SKIP_UPDATE_CHECK: "true" },
          timeoutMs: 120_000,
        },
      ),
    );
  }
  const source = fileState(plugin.path);
  const installed = fileState(file);
  if (source === undefined || installed === undefined) {
    throw new Error(`pulumi plugin install reported success but ${file} is missing. Run it again.`);
  }
  const record = { source: { path: plugin.path, ...source }, installed };
  writeFileAtomic(recordFile(context, plugin), JSON.stringify(record, null, 2));
}
