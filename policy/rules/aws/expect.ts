import { type Path, valueAt } from "../json.ts";
import { deferral, type Issue } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";

/** What an input of an AWS resource must be, and what to say when it is not. */
export interface Expectation {
  readonly path: Path;
  readonly holds: (value: unknown) => boolean;
  readonly message: string;
  readonly fix: string;
}

/** Checks expectations one by one; an input that a preview does not know yet is deferred. */
export function expectAll(inputs: unknown, expectations: readonly Expectation[]): Issue[] {
  return expectations.flatMap(({ path, holds, message, fix }) => {
    const value = valueAt(inputs, ...path);
    if (isRunTimeValue(value)) return [deferral(path, `input ${path.join(".")}`)];
    return holds(value) ? [] : [{ path, message, fix }];
  });
}

/** True for the boolean true, and for the text that some providers take for it. */
export function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}
