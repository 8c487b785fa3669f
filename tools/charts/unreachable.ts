import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ChartSpec } from "../../charts.ts";
import { readIfThere, replaceFile } from "./files.ts";
import { hostOf, type PullError } from "./pull.ts";

/** Which repositories gave no answer lately. */
export interface Unreachable {
  /** Why this chart cannot be had right now, or undefined when its repository is worth asking. */
  reason(spec: ChartSpec): string | undefined;
  remember(spec: ChartSpec, error: PullError): void;
}

const HOUR_MS = 3_600_000;

const entries = z.record(z.string(), z.object({ until: z.number(), reason: z.string() }));
type Entries = z.infer<typeof entries>;

function keys(spec: ChartSpec): { host: string; chart: string } {
  return { host: hostOf(spec), chart: `${spec.repository} ${spec.chart} ${spec.version}` };
}

/**
 * Failures of one run, and, with a file, of the last hour's runs, so that each preview on a machine
 * without network does not wait for the same repositories again.
 *
 * @param path where to keep them; without it nothing outlives the run.
 * @param now milliseconds since the epoch; for tests.
 */
export function rememberUnreachable(path?: string, now: () => number = Date.now): Unreachable {
  let known: Entries = path === undefined ? {} : read(path);
  return {
    reason(spec) {
      const { host, chart } = keys(spec);
      const entry = [known[host], known[chart]].find((e) => e !== undefined && e.until > now());
      return entry?.reason;
    },
    remember(spec, error) {
      if (error.failsToo === "nothing") return;
      const entry = { until: now() + HOUR_MS, reason: error.message };
      const stillTrue = Object.entries(known).filter(([, e]) => e.until > now());
      known = { ...Object.fromEntries(stillTrue), [keys(spec)[error.failsToo]]: entry };
      if (path !== undefined) replaceFile(path, `${JSON.stringify(known, null, 2)}\n`);
    },
  };
}

/** File of this checkout in which resolving charts keeps which repositories gave no answer. */
export function unreachableFile(projectRoot: string): string {
  return join(projectRoot, ".mlops/charts-unreachable.json");
}

/** Forgets what was unreachable, so that everything is asked again. */
export function forgetUnreachable(path: string): void {
  rmSync(path, { force: true });
}

function read(path: string): Entries {
  try {
    return entries.parse(JSON.parse(readIfThere(path)?.toString("utf8") ?? "{}"));
  } catch {
    // A damaged memory is worth no more than none: the repositories are asked again.
    return {};
  }
}
