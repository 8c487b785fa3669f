import { join } from "node:path";
import type { Context } from "./context.ts";
import { linkTools } from "./links.ts";
import type { Group, ToolSpec } from "./lockSchema.ts";
import { installPlugins } from "./plugins.ts";
import { findPresent, Obtainer, type Resolved, UnobtainableError } from "./resolve.ts";

/** Tools of the groups, in the lock's order; with any plugin comes the CLI that installs it. */
export function selectTools(context: Context, groups: readonly Group[]): [string, ToolSpec][] {
  const wanted = Object.entries(context.lock.tools).filter(([, spec]) => groups.includes(spec.group));
  const needsPulumi = wanted.some(([, spec]) => spec.plugin !== undefined);
  const pulumi = context.lock.tools.pulumi;
  if (!needsPulumi || pulumi === undefined || wanted.some(([name]) => name === "pulumi")) return wanted;
  return [["pulumi", pulumi], ...wanted];
}

/**
 * Makes every tool of `groups` usable: resolves it, links it into `.mlops/bin`, and installs plugins into
 * PULUMI_HOME. Everything that can be obtained is, before one error lists all that cannot.
 */
export async function install(context: Context, groups: readonly Group[]): Promise<Resolved[]> {
  const tools = await resolveAll(context, selectTools(context, groups));
  linkTools(
    join(context.stateDir, "bin"),
    tools.filter((tool) => tool.spec.plugin === undefined),
  );
  const plugins = tools.filter((tool) => tool.spec.plugin !== undefined);
  const pulumi = tools.find((tool) => tool.name === "pulumi");
  if (pulumi !== undefined) await installPlugins(context, pulumi.path, plugins);
  for (const tool of plugins.filter((plugin) => plugin.source === "stand-in")) {
    context.log.info(`note: ${tool.name} is a stand-in (${tool.spec.plugin?.standIn}), not the real plugin`);
  }
  return tools;
}

async function resolveAll(context: Context, wanted: readonly [string, ToolSpec][]): Promise<Resolved[]> {
  const present = await Promise.all(wanted.map(([name, spec]) => findPresent(context, name, spec)));
  if (present.every((tool) => tool !== undefined)) return present;
  const obtainer = new Obtainer(context);
  try {
    const results = await Promise.allSettled(
      wanted.map(async ([name, spec], index) => present[index] ?? (await obtainer.obtain(name, spec))),
    );
    const failures = results.filter((result) => result.status === "rejected");
    if (failures.length > 0) throw combined(failures.map((failure) => failure.reason as unknown));
    return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  } finally {
    obtainer.close();
  }
}

function combined(reasons: readonly unknown[]): Error {
  const missing = reasons.filter((reason) => reason instanceof UnobtainableError);
  const parts = reasons
    .filter((reason) => !(reason instanceof UnobtainableError))
    .map((reason) => (reason instanceof Error ? reason.message : String(reason)));
  if (missing.length > 0) {
    const list = missing.map((reason) => `\n  ${reason.message}`).join("");
    parts.push(`these tools can be neither found, downloaded nor built here (${missing.length}):${list}`);
  }
  return new Error(parts.join("\n"));
}
