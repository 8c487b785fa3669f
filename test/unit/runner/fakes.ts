import { readSpec } from "../../../packages/runner/check.ts";
import { Execution, type RunStatus } from "../../../packages/runner/execution.ts";
import type { Attempt, AttemptResult, Host, NodeState } from "../../../packages/runner/host.ts";

/** A container template that writes the given output values. */
export function step(name: string, more: object = {}): object {
  return { name, container: { image: "x/tools:1.0.0", command: ["run"], args: [name] }, ...more };
}

/** A spec whose entrypoint has these tasks, each of a template of its own unless it names one. */
export function dagSpec(
  tasks: readonly { name: string; template?: string; [key: string]: unknown }[],
  templates: object[] = [],
  more: object = {},
): object {
  const own = tasks.filter(({ template }) => template === undefined).map(({ name }) => step(name));
  return {
    entrypoint: "main",
    templates: [
      { name: "main", dag: { tasks: tasks.map((task) => ({ template: task.name, ...task })) } },
      ...own,
      ...templates,
    ],
    ...more,
  };
}

/** What a step of a test does; the default succeeds without outputs. */
export type Behaviour = (attempt: Attempt, stop: AbortSignal) => AttemptResult | Promise<AttemptResult>;

export const succeeds = (parameters: Record<string, string> = {}): AttemptResult => ({
  phase: "Succeeded",
  exitCode: 0,
  outputs: { parameters, artifacts: {} },
});
export const fails = (exitCode = 1): AttemptResult => ({
  phase: "Failed",
  exitCode,
  message: `exit code ${exitCode}`,
});

export interface Outcome {
  readonly status: RunStatus;
  /** The last state of every node. */
  readonly nodes: Readonly<Record<string, NodeState>>;
  /** Every try that was started, in order. */
  readonly started: readonly Attempt[];
  /** Milliseconds that retries waited. */
  readonly pauses: readonly number[];
}

/** Runs a spec with steps that behave as told, without any process. */
export async function execute(
  spec: object,
  behaviours: Readonly<Record<string, Behaviour>> = {},
  options: {
    parameters?: Record<string, string>;
    cores?: number;
    stop?: AbortSignal;
    earlier?: Record<string, NodeState>;
  } = {},
): Promise<Outcome> {
  const nodes: Record<string, NodeState> = {};
  const started: Attempt[] = [];
  const pauses: number[] = [];
  const host: Host = {
    attempt: async (attempt, stop) => {
      started.push(attempt);
      const base = attempt.node.replace(/\(\d+\)$/, "");
      return (await (behaviours[attempt.node] ?? behaviours[base])?.(attempt, stop)) ?? succeeds();
    },
    changed: (node, state) => {
      nodes[node] = state;
    },
    earlier: (node) => options.earlier?.[node],
    pause: async (wait) => {
      pauses.push(wait);
    },
  };
  const facts = { name: "run-1", namespace: "pipelines", uid: "u", parameters: options.parameters ?? {} };
  const never = new AbortController().signal;
  const execution = new Execution(readSpec("test", spec), facts, host, options.cores ?? 64);
  const status = await execution.run(options.stop ?? never, never);
  return { status, nodes, started, pauses };
}

/** Phases by node. */
export function phases({ nodes }: Outcome): Record<string, string> {
  return Object.fromEntries(Object.entries(nodes).map(([name, { phase }]) => [name, phase]));
}
