import { type Expression, ExpressionError, evaluate, namesIn, parseExpression } from "./expression.ts";

/** What became of a node, in Argo's words. */
export type Phase = "Pending" | "Running" | "Succeeded" | "Failed" | "Error" | "Skipped" | "Omitted";

/** How a dependency ended; `children` are the phases of a fanned-out task's copies. */
export interface Ended {
  readonly phase: Phase;
  readonly children?: readonly Phase[];
}

const results: Readonly<Record<string, (ended: Ended) => boolean>> = {
  Succeeded: ({ phase }) => phase === "Succeeded",
  Failed: ({ phase }) => phase === "Failed",
  Errored: ({ phase }) => phase === "Error",
  Skipped: ({ phase }) => phase === "Skipped",
  Omitted: ({ phase }) => phase === "Omitted",
  // The runner refuses daemons, so no task ever is one.
  Daemoned: () => false,
  AnySucceeded: ({ children }) => (children ?? []).includes("Succeeded"),
  AllFailed: ({ children }) => children?.every((phase) => phase === "Failed") ?? false,
};

/** A parsed `depends`. */
export interface Depends {
  /** Names of the tasks that must have ended before it can be judged. */
  readonly tasks: readonly string[];
  /** Whether the task runs; otherwise it is omitted. */
  readonly holds: (endedOf: (task: string) => Ended) => boolean;
}

function splitResult(name: string): [task: string, result: string | undefined] {
  const [task = "", result, ...more] = name.split(".");
  if (more.length > 0 || (result !== undefined && !Object.hasOwn(results, result))) {
    throw new ExpressionError(
      `"${name}" is no result of a task; results: ${Object.keys(results).join(", ")}`,
    );
  }
  return [task, result];
}

/**
 * Parses a task's `depends`, with Argo's meaning: a task without a result stands for Succeeded, Skipped or Daemoned.
 *
 * @throws ExpressionError naming what is wrong.
 */
export function parseDepends(text: string | undefined): Depends {
  if (text === undefined || text.trim() === "") return { tasks: [], holds: () => true };
  const expression: Expression = parseExpression(text);
  const tasks = [...new Set(namesIn(expression).map((name) => splitResult(name)[0]))];
  return {
    tasks,
    holds: (endedOf) =>
      evaluate(expression, (name) => {
        const [task, result] = splitResult(name);
        const ended = endedOf(task);
        return result === undefined
          ? ended.phase === "Succeeded" || ended.phase === "Skipped"
          : (results[result]?.(ended) ?? false);
      }),
  };
}
