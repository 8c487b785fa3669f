import { setTimeout as sleep } from "node:timers/promises";
import type { Layout } from "./layout.ts";
import { crashError, logFile, processState } from "./process.ts";

/** Tells why something is not ready yet; undefined once it is. A throw counts as a reason. */
export type ReadinessCheck = () => Promise<string | undefined>;

/**
 * Waits until `check` finds the process ready.
 *
 * @throws Error at once if the process has ended, with the end of its log; after `limitMs` with the last
 *   reason and the log's place.
 */
export async function waitReady(
  layout: Layout,
  process: string,
  check: ReadinessCheck,
  limitMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const reason = await reasonOf(check);
    if (reason === undefined) return;
    const state = processState(layout, process);
    if (state.kind !== "running") {
      throw crashError(layout, process, state.kind === "crashed" ? state.reason : "it was stopped");
    }
    if (performance.now() > deadline) {
      throw new Error(
        `${process} is not ready after ${limitMs / 1000} s: ${reason}. See ${logFile(layout, process)}`,
      );
    }
    await sleep(50);
  }
}

async function reasonOf(check: ReadinessCheck): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return (error as Error).message;
  }
}
