import type { NodeState } from "@mlops/runner";
import { formatElapsed, type Log } from "../lib/log.ts";

/** Writes a line for each change of a step, and keeps the running ones in sight. */
export class StepProgress {
  private readonly log: Log;
  /** Ends the display of a running step. */
  private readonly running = new Map<string, () => void>();

  constructor(log: Log) {
    this.log = log;
  }

  changed(node: string, state: NodeState): void {
    const ended = this.running.get(node);
    if (state.phase === "Running") {
      const tries = (state.tries ?? 1) > 1 ? `, try ${state.tries}` : "";
      this.line(node, `running${tries}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.running.set(node, resolve);
      void this.log.track(node, () => promise);
      return;
    }
    ended?.();
    this.running.delete(node);
    const took =
      state.startedAt === undefined || state.finishedAt === undefined
        ? ""
        : ` ${formatElapsed(state.finishedAt - state.startedAt)}`;
    if (state.phase === "Omitted") return;
    const because = state.message === undefined ? "" : `: ${state.message}${meaningOf(state.exitCode)}`;
    this.line(node, `${words[state.phase] ?? state.phase.toLowerCase()}${took}${because}`);
  }

  private line(node: string, text: string): void {
    this.log.info(`${new Date().toTimeString().slice(0, 8)}  ${node.padEnd(24)} ${text}`);
  }
}

/** What our steps say by their exit codes. */
function meaningOf(exitCode: number | undefined): string {
  if (exitCode === 2) return ", which means wrong input";
  return exitCode === 3 ? ", which means that a gate said no or could not tell" : "";
}

const words: Readonly<Record<string, string>> = { Pending: "waits" };
