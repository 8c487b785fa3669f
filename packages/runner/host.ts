import type { Phase } from "./depends.ts";
import type { Container, Template } from "./template.ts";

/** What a step left: values by name, and where in the object store its artifacts are. */
export interface Outputs {
  readonly parameters: Readonly<Record<string, string>>;
  readonly artifacts: Readonly<Record<string, string>>;
}

export const noOutputs: Outputs = { parameters: {}, artifacts: {} };

/** One try of a step, with every tag filled in. */
export interface Attempt {
  /** Unique in the run: `train`, `trial(2)`, `exit.notify`. */
  readonly node: string;
  /** Counts up from 0. */
  readonly number: number;
  readonly container: Container;
  /** Where it finds its input artifacts, and their keys in the object store. */
  readonly inputs: readonly { readonly name: string; readonly path: string; readonly key: string }[];
  readonly outputs: Template["outputs"];
  /** Seconds it may take. */
  readonly deadline: number | undefined;
}

/** How a try ended. `Error` means that it could not be run as a step should, whatever its exit code. */
export type AttemptResult =
  | { readonly phase: "Succeeded"; readonly exitCode: 0; readonly outputs: Outputs }
  | {
      readonly phase: "Failed" | "Error";
      /** Absent where there was no process, or it was ended. */
      readonly exitCode?: number;
      readonly message: string;
    };

/** A node as the journal and the progress see it. */
export interface NodeState {
  readonly phase: Phase;
  readonly message?: string;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly tries?: number;
  readonly exitCode?: number;
  /** Stands for all that went in: a resumed run reuses the outputs of the same input only. */
  readonly inputs?: string;
  readonly outputs?: Outputs;
}

/** What the execution of a workflow needs of the world. */
export interface Host {
  /** Runs a container's command to its end; ends it when `stop` fires. */
  attempt(attempt: Attempt, stop: AbortSignal): Promise<AttemptResult>;
  /** Hears of every change of a node. */
  changed(node: string, state: NodeState): void;
  /** The node as an earlier run of the same workflow left it. */
  earlier(node: string): NodeState | undefined;
  /** Waits; returns early when `stop` fires. */
  pause(milliseconds: number, stop: AbortSignal): Promise<void>;
}
