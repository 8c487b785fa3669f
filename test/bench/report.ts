import type { Measurement } from "./measure.ts";
import { criticalPath, type Release } from "./stackExport.ts";

interface Program {
  readonly cold: Measurement;
  readonly up: Measurement;
  readonly noop: Measurement;
}

interface FlatProgram extends Program {
  /** Cold preview with the same objects as ours besides the releases. */
  readonly coldWithObjects: Measurement;
}

export interface DelayResult {
  /** Seconds that a pod waits before it starts. */
  readonly delay: number;
  readonly ours: Program;
  readonly flat: FlatProgram;
  /** Seconds of each `helm upgrade --install --wait`. */
  readonly helm: Readonly<Record<string, number>>;
  readonly helmSeconds: number;
  readonly criticalPath: { readonly seconds: number; readonly path: readonly string[] };
  /** `up` against helm one by one, and against the larger of critical path and CPU seconds over cores. */
  readonly upToHelm: number;
  readonly upToBound: number;
  readonly coldPreviewToFlat: number;
  /** Against a flat program that makes the same objects. */
  readonly coldPreviewToSameObjects: number;
}

export interface Report {
  readonly cores: number;
  readonly realCharts: boolean;
  /** Preview of an empty program. */
  readonly empty: Measurement;
  readonly results: readonly DelayResult[];
}

export function delayReport(args: {
  readonly delay: number;
  readonly ours: Program;
  readonly flat: FlatProgram;
  readonly helm: Readonly<Record<string, number>>;
  readonly releases: readonly Release[];
  readonly cores: number;
}): DelayResult {
  const { delay, flat, helm } = args;
  const { cold, up, noop } = args.ours;
  const helmSeconds = Object.values(helm).reduce((sum, seconds) => sum + seconds, 0);
  const longest = criticalPath(args.releases, helm);
  const bound = Math.max(longest.seconds, up.cpuSeconds / args.cores);
  return {
    delay,
    ours: { cold, up, noop },
    flat,
    helm,
    helmSeconds,
    criticalPath: longest,
    upToHelm: up.seconds / helmSeconds,
    upToBound: up.seconds / bound,
    coldPreviewToFlat: cold.seconds / flat.cold.seconds,
    coldPreviewToSameObjects: cold.seconds / flat.coldWithObjects.seconds,
  };
}

/** Prints what was measured at one start delay. */
export function printResult(result: DelayResult): void {
  const s = (m: Measurement): string => `${m.seconds.toFixed(1)} s`;
  console.log(`\npods start after ${result.delay} s`);
  console.table({
    "cold preview": { ours: s(result.ours.cold), flat: s(result.flat.cold), helm: "" },
    "up from nothing": {
      ours: s(result.ours.up),
      flat: s(result.flat.up),
      helm: `${result.helmSeconds.toFixed(1)} s`,
    },
    "no-op preview": { ours: s(result.ours.noop), flat: s(result.flat.noop), helm: "" },
    "CPU of up": {
      ours: `${result.ours.up.cpuSeconds.toFixed(0)} s`,
      flat: `${result.flat.up.cpuSeconds.toFixed(0)} s`,
      helm: "",
    },
    "node at most": {
      ours: `${Math.max(result.ours.up.programMiB, result.ours.cold.programMiB)} MiB`,
      flat: `${Math.max(result.flat.up.programMiB, result.flat.cold.programMiB)} MiB`,
      helm: "",
    },
  });
  console.log(
    `helm: ${Object.entries(result.helm)
      .map(([n, t]) => `${n} ${t.toFixed(1)}`)
      .join(", ")}`,
  );
  console.log(
    `critical path: ${result.criticalPath.path.join(" -> ")}, ${result.criticalPath.seconds.toFixed(1)} s`,
  );
  console.log(`up / helm one by one: ${result.upToHelm.toFixed(2)}`);
  console.log(`up / larger of critical path and CPU over cores: ${result.upToBound.toFixed(2)}`);
  console.log(`cold preview / flat program's: ${result.coldPreviewToFlat.toFixed(2)}`);
  console.log(
    `cold preview / flat program's with the same objects (${s(result.flat.coldWithObjects)}): ${result.coldPreviewToSameObjects.toFixed(2)}`,
  );
}
