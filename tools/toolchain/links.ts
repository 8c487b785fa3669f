import { randomUUID } from "node:crypto";
import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Resolved } from "./resolve.ts";

/**
 * Makes `binDir` hold a symbolic link to each tool, so that one folder on PATH brings all of them. Links of
 * tools that are not named stay. A tool that belongs beside another is linked there: found on PATH,
 * Pulumi's language host would be used with a warning on every command.
 */
export function linkTools(binDir: string, tools: readonly Resolved[]): void {
  mkdirSync(binDir, { recursive: true });
  for (const tool of tools) {
    const host = tools.find((other) => other.name === tool.spec.beside);
    // A host that was taken from PATH lies in a folder of somebody else's.
    if (host === undefined || (host.source === "path" && tool.source !== "path")) link(binDir, tool);
    else {
      if (host.source !== "path") link(dirname(host.path), tool);
      rmSync(join(binDir, tool.name), { force: true });
    }
  }
}

/** Replaces a link in one step, so that a running command never misses it. */
function link(folder: string, tool: Resolved): void {
  const path = join(folder, tool.name);
  if (linkTarget(path) === tool.path) return;
  const fresh = `${path}.${randomUUID()}`;
  symlinkSync(tool.path, fresh);
  renameSync(fresh, path);
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
