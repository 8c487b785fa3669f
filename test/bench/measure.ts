import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

/** What one command took. */
export interface Measurement {
  /** Wall clock seconds. */
  readonly seconds: number;
  /** CPU seconds of the whole machine meanwhile, the cluster's processes included. */
  readonly cpuSeconds: number;
  /** Largest resident set of the process that runs the Pulumi program, in MiB; 0 when there was none. */
  readonly programMiB: number;
}

function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys) / 1000, 0);
}

/** Peak resident set, in MiB, of the running program host of Pulumi, from /proc. */
function programPeakMiB(): number {
  let peak = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("@pulumi/pulumi/cmd/run")) continue;
      const [, kiB] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      peak = Math.max(peak, Number(kiB ?? 0) / 1024);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  return peak;
}

/** Runs `action` and measures it. */
export async function measure(action: () => Promise<unknown>): Promise<Measurement> {
  let programMiB = 0;
  const sampler = setInterval(() => {
    programMiB = Math.max(programMiB, programPeakMiB());
  }, 200);
  const cpu = busySeconds();
  const start = performance.now();
  try {
    await action();
  } finally {
    clearInterval(sampler);
  }
  return {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: busySeconds() - cpu,
    programMiB: Math.round(programMiB),
  };
}

/** The run of median wall clock time, of an odd number of runs. */
export function median(runs: readonly Measurement[]): Measurement {
  const middle = runs.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(runs.length / 2)];
  if (middle === undefined) throw new Error("no runs to take the median of");
  return middle;
}
