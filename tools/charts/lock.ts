import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChartSpec } from "../../charts.ts";
import { openArchive } from "./chartsFolder.ts";
import { contentProblems } from "./check.ts";
import { replaceFile } from "./files.ts";
import { type PullChart, PullError } from "./pull.ts";

/** What became of one chart: its digest, or why there is none. */
export type LockOutcome = { readonly digest: string } | { readonly problem: string };

/**
 * Digest of a chart as its repository gives it now. Always from the repository: an archive that
 * somebody put into the charts folder proves nothing.
 */
export async function publishedDigest(spec: ChartSpec, pull: PullChart): Promise<LockOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "mlops-lock-"));
  try {
    const path = await pull(spec, folder);
    if (!existsSync(path)) return { problem: "helm left no archive of that name" };
    const chart = openArchive(path);
    const problems = contentProblems(chart, spec);
    return problems.length > 0 ? { problem: problems.join("; ") } : { digest: `sha256:${chart.contentHash}` };
  } catch (error) {
    if (error instanceof PullError) return { problem: error.message };
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The text of charts.ts with `unverified` digests filled in.
 *
 * @param digests by the names of the table's entries.
 * @throws Error when an entry cannot be found exactly once: nothing is guessed.
 */
export function withDigests(text: string, digests: ReadonlyMap<string, string>): string {
  return [...digests].reduce((before, [name, digest]) => {
    const entry = new RegExp(`^(  "?${name}"?: \\{\\n(?:    .*\\n)*?    digest: )"unverified",$`, "gm");
    const matches = before.match(entry);
    if (matches?.length !== 1) throw new Error(`charts.ts: no one entry ${name} with digest "unverified"`);
    return before.replace(entry, `$1"${digest}",`);
  }, text);
}

/** Fills digests in the chart table's file, whole or not at all. */
export function writeDigests(path: string, digests: ReadonlyMap<string, string>): void {
  if (digests.size > 0) replaceFile(path, withDigests(readFileSync(path, "utf8"), digests));
}
