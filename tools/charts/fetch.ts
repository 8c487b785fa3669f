import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ChartSpec } from "../../charts.ts";
import { archiveName } from "./chartsFolder.ts";
import { checkArchive } from "./check.ts";
import { hostOf, type PullChart, PullError } from "./pull.ts";
import type { Unreachable } from "./unreachable.ts";

/** `corrupt`: the repository answered, and with something that must not be used. */
export type FetchOutcome = { readonly path: string } | { readonly reason: string; readonly corrupt: boolean };

export interface FetchOptions {
  readonly chartsDir: string;
  readonly pull: PullChart;
  /** Repositories known to give no answer; they are not asked. */
  readonly unreachable: Unreachable;
  /** Called as each chart is asked for. */
  readonly onPull?: (spec: ChartSpec) => void;
}

/**
 * Fetches charts from their repositories into the charts folder. Hosts are asked at the same time, the
 * charts of one host one after the other, and once a host gave no answer it is not asked again.
 * An archive is checked before it appears in the folder, and appears there whole.
 */
export async function fetchCharts<Name extends string>(
  wanted: ReadonlyMap<Name, ChartSpec>,
  options: FetchOptions,
): Promise<Map<Name, FetchOutcome>> {
  const outcomes = new Map<Name, FetchOutcome>();
  const byHost = Map.groupBy(wanted, ([, spec]) => hostOf(spec));
  await Promise.all(
    [...byHost.values()].map(async (entries) => {
      for (const [name, spec] of entries) outcomes.set(name, await fetchChart(spec, options));
    }),
  );
  return outcomes;
}

async function fetchChart(spec: ChartSpec, options: FetchOptions): Promise<FetchOutcome> {
  const { chartsDir, unreachable } = options;
  const known = unreachable.reason(spec);
  if (known !== undefined) return { reason: known, corrupt: false };
  mkdirSync(chartsDir, { recursive: true });
  const temporary = mkdtempSync(join(chartsDir, ".pull-"));
  try {
    options.onPull?.(spec);
    const pulled = await options.pull(spec, temporary);
    const problems = existsSync(pulled) ? checkArchive(pulled, spec) : ["helm left no archive of that name"];
    if (problems.length > 0) return { reason: problems.join("; "), corrupt: true };
    const path = join(chartsDir, archiveName(spec));
    renameSync(pulled, path);
    return { path };
  } catch (error) {
    if (!(error instanceof PullError)) throw error;
    unreachable.remember(spec, error);
    return { reason: error.message, corrupt: false };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
