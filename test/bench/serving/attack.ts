/** The load generator: vegeta, open loop at a rate, or as fast as a number of connections goes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBinaries } from "../../../tools/embedded/binaries.ts";
import { exec } from "../../../tools/lib/exec.ts";
import { pinned } from "./pin.ts";

export interface Target {
  readonly url: string;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Latencies in milliseconds. */
export interface Attacked {
  /** Asked for, in requests a second; 0 means as fast as it goes. */
  readonly rate: number;
  /** Answered with 200, in requests a second. */
  readonly throughput: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Share of requests answered with 200. */
  readonly success: number;
  readonly errors: readonly string[];
}

interface VegetaReport {
  readonly latencies: Readonly<Record<"50th" | "95th" | "99th", number>>;
  readonly throughput: number;
  readonly success: number;
  readonly errors: readonly string[] | null;
}

/**
 * @param core CPU that the generator runs on; what is under test has another.
 * @param prioritised Whether it runs with real-time priority, as the servers then do.
 */
export async function attack(
  target: Target,
  options: {
    readonly rate: number;
    readonly connections: number;
    readonly seconds: number;
    readonly core: number;
    readonly prioritised?: boolean;
  },
): Promise<Attacked> {
  const { vegeta } = findBinaries(["vegeta"]);
  const dir = mkdtempSync(join(tmpdir(), "mlops-attack-"));
  try {
    const body = join(dir, "body");
    writeFileSync(body, target.body);
    const headers = Object.entries(target.headers).map(([name, value]) => `${name}: ${value}\n`);
    writeFileSync(join(dir, "targets"), `POST ${target.url}\n${headers.join("")}@${body}\n`);
    const { rate, connections, seconds, core, prioritised = false } = options;
    const attackArgs = [
      ...["attack", `-targets=${join(dir, "targets")}`, `-output=${join(dir, "results")}`],
      ...[
        `-rate=${rate}`,
        `-duration=${seconds}s`,
        `-max-workers=${connections}`,
        `-workers=${Math.min(connections, 10)}`,
      ],
      ...[`-connections=${connections}`, "-timeout=10s"],
    ];
    const [command = "", ...args] = pinned(core, prioritised, [vegeta, ...attackArgs]);
    await exec(command, args, { timeoutMs: (seconds + 60) * 1000 });
    const { stdout } = await exec(vegeta, ["report", "-type=json", join(dir, "results")], {
      timeoutMs: 60_000,
    });
    const { latencies, throughput, success, errors } = JSON.parse(stdout) as VegetaReport;
    const ms = (nanoseconds: number): number => nanoseconds / 1e6;
    return {
      rate,
      throughput,
      p50: ms(latencies["50th"]),
      p95: ms(latencies["95th"]),
      p99: ms(latencies["99th"]),
      success,
      errors: errors ?? [],
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
