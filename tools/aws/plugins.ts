import { existsSync } from "node:fs";
import { join } from "node:path";
import { exec } from "../lib/exec.ts";
import { pulumiHome } from "../lib/paths.ts";
import { rehearsalPlugins } from "../plugins/standIns.ts";
import { pluginFolder } from "../toolchain/standIn.ts";
import type { AwsFinding } from "./doctor.ts";

/** The real plugins that only the aws stack needs, at the versions that its SDKs ask for. */
const plugins = Object.values(rehearsalPlugins).map(({ name, version }) => ({ name, version }));

function isInstalled({ name, version }: (typeof plugins)[number]): boolean {
  return existsSync(join(pluginFolder(pulumiHome(), name, version), `pulumi-resource-${name}`));
}

/**
 * Downloads what is missing of them into this project's PULUMI_HOME, by the CLI itself: no stand-in may ever take
 * their place there.
 */
export async function installAwsPlugins(onInstall: (plugin: string) => void): Promise<void> {
  for (const plugin of plugins.filter((one) => !isInstalled(one))) {
    onInstall(`${plugin.name} ${plugin.version}`);
    await exec("pulumi", ["plugin", "install", "resource", plugin.name, plugin.version]);
  }
}

export function pluginFindings(): AwsFinding[] {
  return plugins.map((plugin) => {
    const words = { name: `plugin ${plugin.name}`, wanted: plugin.version };
    return isInstalled(plugin)
      ? { ...words, state: "ok", found: plugin.version, hint: "" }
      : { ...words, state: "missing", found: "no", hint: "make setup STACK=aws downloads it" };
  });
}
