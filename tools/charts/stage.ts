import { join } from "node:path";
import { z } from "zod";
import { readIfThere, replaceFile, sha256 } from "./files.ts";

/** Charts from a registry, the charts folder or this project; or placeholders. */
export type StagedKind = "chart" | "outline";

const stamp = z.object({ fingerprint: z.string(), archive: z.string() });

/**
 * Project-relative path that Helm gets for a chart.
 *
 * It says nothing about where the chart came from or which version it is, so that two machines see no
 * difference; only going from placeholder to real chart changes it, which replaces the release.
 */
export function stagedPath(kind: StagedKind, name: string): string {
  return `.mlops/staged/${kind}/${name}.tgz`;
}

function stampPath(projectRoot: string, kind: StagedKind, name: string): string {
  return join(projectRoot, `.mlops/staged/${kind}/${name}.json`);
}

/** Whether the staged archive is there, undamaged, and was made from what `fingerprint` stands for. */
export function isStaged(projectRoot: string, kind: StagedKind, name: string, fingerprint: string): boolean {
  const text = readIfThere(stampPath(projectRoot, kind, name));
  if (text === undefined) return false;
  const archive = readIfThere(join(projectRoot, stagedPath(kind, name)));
  const parsed = stamp.safeParse(jsonOrNothing(text.toString("utf8")));
  if (!parsed.success || archive === undefined || parsed.data.fingerprint !== fingerprint) return false;
  return parsed.data.archive === sha256(archive);
}

/**
 * Puts a chart archive where Helm finds it.
 *
 * One file each, replaced by renaming: a Helm that reads meanwhile keeps the old one open. Of two
 * runs that stage different content at once the stamp may name the other's archive; the next run
 * sees that by the archive's hash and stages again.
 */
export function stage(
  projectRoot: string,
  kind: StagedKind,
  name: string,
  chart: { readonly fingerprint: string; readonly archive: Buffer },
): void {
  replaceFile(join(projectRoot, stagedPath(kind, name)), chart.archive);
  const content = { fingerprint: chart.fingerprint, archive: sha256(chart.archive) };
  replaceFile(stampPath(projectRoot, kind, name), `${JSON.stringify(content)}\n`);
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
