/** What flows through a pipeline: declared parameters, and typed handles on values that only a run knows. */

/** A value that a run fills in; `step` is the one whose output it is, absent for the pipeline's own. */
export interface Reference {
  readonly kind: "reference";
  /** As Argo writes it, without braces: `tasks.train.outputs.parameters.run-id`. */
  readonly tag: string;
  readonly step?: string;
}

/** A file or folder that one step leaves for others, through the object store. */
export interface ArtifactReference {
  readonly kind: "artifact";
  readonly tag: string;
  readonly step: string;
}

/** What a step's parameter may be. */
export type Value = string | number | boolean | Reference;

interface Described {
  /** One line for people. */
  readonly description: string;
}

interface TextParameter extends Described {
  readonly type: "text";
  readonly default?: string;
  readonly oneOf?: readonly string[];
}
interface NumberParameter extends Described {
  readonly type: "integer" | "number";
  readonly default?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}
interface BooleanParameter extends Described {
  readonly type: "boolean";
  readonly default?: boolean;
}

/** A parameter of a pipeline; without a default whoever runs it must name a value. */
export type Parameter = TextParameter | NumberParameter | BooleanParameter;

export function text(parameter: Omit<TextParameter, "type">): Parameter {
  return { type: "text", ...parameter };
}
export function integer(parameter: Omit<NumberParameter, "type">): Parameter {
  return { type: "integer", ...parameter };
}
export function number(parameter: Omit<NumberParameter, "type">): Parameter {
  return { type: "number", ...parameter };
}
export function boolean(parameter: Omit<BooleanParameter, "type">): Parameter {
  return { type: "boolean", ...parameter };
}

/** Text that a tag, a template's name or a flag can be: Argo's and Kubernetes' common ground. */
export const kebabCase = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** A value as Argo takes it: a tag for what only a run knows. */
export function render(value: Value): string {
  return typeof value === "object" ? `{{${value.tag}}}` : String(value);
}

/** Facts of the run itself. */
export const run = {
  name: { kind: "reference", tag: "workflow.name" },
  uid: { kind: "reference", tag: "workflow.uid" },
  /** `Succeeded`, `Failed` or `Error`; in exit steps only. */
  status: { kind: "reference", tag: "workflow.status" },
  /** JSON list of the failed steps; in exit steps only. */
  failures: { kind: "reference", tag: "workflow.failures" },
} as const satisfies Record<string, Reference>;

/** The element that this copy of a fanned-out step works on. */
export const item: Reference = { kind: "reference", tag: "item" };

/** A field of that element, where elements are objects. */
export function itemField(name: string): Reference {
  return { kind: "reference", tag: `item.${name}` };
}
