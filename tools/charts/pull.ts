import { join } from "node:path";
import type { ChartSpec } from "../../charts.ts";
import { ExecError, exec } from "../lib/exec.ts";
import { archiveName } from "./chartsFolder.ts";

/**
 * A chart that its repository did not give.
 *
 * `failsToo` says what else the same cause would stop: every chart of that host (no answer), this
 * chart only (the host answered), or nothing that a later try should not repeat (no helm here).
 */
export class PullError extends Error {
  override readonly name = "PullError";
  readonly failsToo: "host" | "chart" | "nothing";
  constructor(message: string, failsToo: PullError["failsToo"]) {
    super(message);
    this.failsToo = failsToo;
  }
}

/**
 * Fetches a chart's archive from its repository into a folder and returns the archive's path.
 *
 * @throws PullError
 */
export type PullChart = (spec: ChartSpec, folder: string) => Promise<string>;

const TIMEOUT_MS = 60_000;

/** How Go's network code says that a host gave no answer at all. */
const NO_ANSWER =
  /no such host|dial tcp|connection (refused|reset)|network is unreachable|i\/o timeout|TLS handshake|deadline exceeded|proxyconnect|: EOF|server misbehaving/i;

/** Pulls with the `helm` on PATH, in at most a minute a chart. */
export const pullWithHelm: PullChart = async (spec, folder) => {
  const from = spec.repository.startsWith("oci://")
    ? [spec.repository]
    : [spec.chart, "--repo", spec.repository];
  try {
    await exec("helm", ["pull", ...from, "--version", spec.version, "--destination", folder], {
      timeoutMs: TIMEOUT_MS,
    });
  } catch (error) {
    throw asPullError(error, hostOf(spec));
  }
  return join(folder, archiveName(spec));
};

/** Host (and port) of a chart's repository. */
export function hostOf(spec: ChartSpec): string {
  return new URL(spec.repository).host;
}

function asPullError(error: unknown, host: string): unknown {
  if (!(error instanceof ExecError)) return error;
  if (error.code === undefined && error.message.includes("not found")) {
    return new PullError("helm is not on PATH; `make doctor` says how to get it", "nothing");
  }
  if (error.code === undefined) {
    return new PullError(`no answer from ${host} within ${TIMEOUT_MS / 1000} s`, "host");
  }
  const reason = lastLine(error.stderr);
  if (!NO_ANSWER.test(error.stderr)) return new PullError(reason, "chart");
  // Helm's own words name one chart; what is remembered of the host is told of its other charts too.
  return new PullError(`no answer from ${host}: ${reason.slice(reason.lastIndexOf(": ") + 2)}`, "host");
}

function lastLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return (lines.at(-1) ?? "helm gave no reason").replace(/^Error: /, "");
}
