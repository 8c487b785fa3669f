/** A named CEL expression that later ones use as `variables.name`. */
export interface Variable {
  readonly name: string;
  readonly expression: string;
}

/** A rule of policy/rules stated in CEL. */
export interface CelRule {
  /** The rule's name: the message starts with it, as at every other door. */
  readonly rule: string;
  /** True for an object that passes. */
  readonly expression: string;
  /** What is wrong and how to mend it, for people. */
  readonly message: string;
  /** A CEL list of the texts that are wrong, appended to the message. */
  readonly culprits?: string;
}

/** CEL for a literal: CEL's strings and lists are written as JSON writes them. */
export function literal(value: unknown): string {
  return JSON.stringify(value);
}
