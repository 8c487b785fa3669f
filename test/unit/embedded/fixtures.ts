import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openDataDir } from "../../../tools/embedded/dataDir.ts";
import { type Layout, layoutOf } from "../../../tools/embedded/layout.ts";
import { type Ports, portNames } from "../../../tools/embedded/ports.ts";
import { createLog, type Log } from "../../../tools/lib/log.ts";

/** A path that does not exist yet; whatever is made there is removed after the test. */
export function temporaryPath(): string {
  const parent = mkdtempSync(join(tmpdir(), "mlops-embedded-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, "cluster");
}

/** The folder of a new cluster that was never started. */
export function newCluster(): Layout {
  const layout = layoutOf(temporaryPath());
  openDataDir(layout);
  return layout;
}

export const examplePorts = Object.fromEntries(
  portNames.map((name, index) => [name, 20_001 + index]),
) as Ports;

/** A log that keeps its lines. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  return { ...createLog({ write: (text) => lines.push(text.trimEnd()) }), lines };
}
