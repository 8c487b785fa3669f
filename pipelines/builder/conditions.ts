/** When a step runs: after which results of others, and for which values. */
import { type Reference, render, type Value } from "./values.ts";

/** Results of a step that another can wait for. */
export type Result = "Succeeded" | "Failed" | "Errored" | "Skipped" | "Omitted";

/** What must have become of other steps. There is no bare dependency: Argo counts Skipped as success there. */
export type Condition =
  | { readonly kind: "result"; readonly step: string; readonly result: Result }
  | { readonly kind: "any" | "all"; readonly of: readonly Condition[] };

interface Named {
  readonly name: string;
}

function result(step: Named, of: Result): Condition {
  return { kind: "result", step: step.name, result: of };
}

export const succeeded = (step: Named): Condition => result(step, "Succeeded");
export const skipped = (step: Named): Condition => result(step, "Skipped");
/** Ended badly: its command failed, or it could not be run at all. */
export const failed = (step: Named): Condition => anyOf(result(step, "Failed"), result(step, "Errored"));
/** Never ran, because what it depends on did not come true. */
export const omitted = (step: Named): Condition => result(step, "Omitted");

export function anyOf(...of: readonly Condition[]): Condition {
  return { kind: "any", of };
}
export function allOf(...of: readonly Condition[]): Condition {
  return { kind: "all", of };
}

/** The steps that a condition names. */
export function stepsOf(condition: Condition): string[] {
  return condition.kind === "result" ? [condition.step] : condition.of.flatMap(stepsOf);
}

/** As Argo's `depends` has it. */
export function renderCondition(condition: Condition): string {
  if (condition.kind === "result") return `${condition.step}.${condition.result}`;
  const [only, ...more] = condition.of;
  if (only !== undefined && more.length === 0) return renderCondition(only);
  return `(${condition.of.map(renderCondition).join(condition.kind === "any" ? " || " : " && ")})`;
}

/** A comparison of values; a step whose comparison is false is skipped. */
export type Comparison =
  | { readonly kind: "equals" | "differs"; readonly left: Reference; readonly right: Value }
  | { readonly kind: "either" | "both"; readonly of: readonly Comparison[] };

export function equals(left: Reference, right: Value): Comparison {
  return { kind: "equals", left, right };
}
export function differs(left: Reference, right: Value): Comparison {
  return { kind: "differs", left, right };
}
export function either(...of: readonly Comparison[]): Comparison {
  return { kind: "either", of };
}
export function both(...of: readonly Comparison[]): Comparison {
  return { kind: "both", of };
}

/** Every reference in a comparison. */
export function referencesOf(comparison: Comparison): Reference[] {
  if ("of" in comparison) return comparison.of.flatMap(referencesOf);
  return [comparison.left, ...(typeof comparison.right === "object" ? [comparison.right] : [])];
}

/** As Argo's `when` has it; both sides are quoted, so that a value is never taken for an expression. */
export function renderComparison(comparison: Comparison): string {
  if ("of" in comparison) {
    const joint = comparison.kind === "either" ? " || " : " && ";
    return `(${comparison.of.map(renderComparison).join(joint)})`;
  }
  const operator = comparison.kind === "equals" ? "==" : "!=";
  return `'${render(comparison.left)}' ${operator} '${render(comparison.right)}'`;
}
