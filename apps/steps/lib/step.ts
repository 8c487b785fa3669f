import type { StepContext } from "./context.ts";
import type { Flags, Outputs, Values } from "./flags.ts";

/** Content of each output, by name. */
export type Results<O extends Outputs> = { readonly [Name in keyof O]?: string | Uint8Array | undefined };

/** One step of a workflow: a command that can run again at any time. */
export interface Step {
  readonly name: string;
  /** What it does, in a sentence for the table of steps. */
  readonly about: string;
  readonly flags: Flags;
  readonly outputs: Outputs;
  // biome-ignore lint/suspicious/noExplicitAny: flags and outputs of each step are of its own type; see `defineStep`.
  readonly run: (context: StepContext, values: any, write: (results: any) => void) => Promise<void>;
}

/** A step whose values and outputs are typed by its flags. Outputs are written when `write` is called. */
export function defineStep<const F extends Flags, const O extends Outputs>(step: {
  readonly name: string;
  readonly about: string;
  readonly flags: F;
  readonly outputs: O;
  readonly run: (
    context: StepContext,
    values: Values<F>,
    write: (results: Results<O>) => void,
  ) => Promise<void>;
}): Step {
  return step;
}
