import type { AcceleratorClass } from "../../components/target.ts";
import type { ImageName } from "../images.ts";
import { type Comparison, type Condition, referencesOf, stepsOf, succeeded } from "./conditions.ts";
import { type ArtifactReference, kebabCase, type Reference, type Value } from "./values.ts";

/** How a step is tried again after exit code 1; other codes say that it would fail again. */
export interface Retries {
  /** Tries after the first one. */
  readonly limit: number;
  /** Seconds before the first retry; twice as long before each further one. */
  readonly backoffSeconds: number;
}

export interface StepOptions<Output extends string, Artifact extends string> {
  readonly image: ImageName;
  /** Name of the step in its image; what follows a space are arguments that choose an action of it. */
  readonly runs: string;
  /** What it gets as `--name value`. */
  readonly parameters?: Readonly<Record<string, Value>>;
  /** Artifacts that it gets as `--name PATH`. */
  readonly inputs?: Readonly<Record<string, ArtifactReference>>;
  /** Values that it writes, one file each, named by `--output-name PATH`. */
  readonly outputs?: readonly Output[];
  /** Files or folders that it leaves in the object store, named in the same way. */
  readonly artifacts?: readonly Artifact[];
  /** What must have become of other steps, all of it; steps whose outputs it uses must succeed anyway. */
  readonly after?: readonly Condition[];
  /** Skips the step where it is false. */
  readonly when?: Comparison;
  /** One copy of the step for each element of this JSON list, in parallel. */
  readonly forEach?: Reference;
  /** That many copies of the step, in parallel; `item` is their number, from 0. */
  readonly repeat?: Reference | number;
  /** Kubernetes quantities; request and limit alike. */
  readonly resources: { readonly cpu: string; readonly memory: string };
  /** GPUs, where the cluster has this class and the namespace a share of it; CPU elsewhere. */
  readonly accelerator?: { readonly class: AcceleratorClass; readonly count: number };
  /** Seconds. */
  readonly deadline: number;
  readonly retries?: Retries;
  /**
   * Runs again when a failed run is resumed, although it succeeded: another step may have taken back what it did. It
   * must be idempotent.
   */
  readonly rerun?: boolean;
  /** Deployment steps may write model versions and reach the model servers. */
  readonly role?: "training" | "deployment";
  /** Secrets of the namespace whose keys become environment variables, if they exist. */
  readonly optionalSecrets?: readonly string[];
}

/** A step of a pipeline, and handles on what it leaves. */
export interface Step<Output extends string = never, Artifact extends string = never> {
  readonly name: string;
  readonly outputs: Readonly<Record<Output, Reference>>;
  readonly artifacts: Readonly<Record<Artifact, ArtifactReference>>;
}

/** A step as the compiler sees it. */
export interface AddedStep {
  readonly name: string;
  readonly options: StepOptions<string, string>;
  /** Every condition, those included that follow from the outputs it uses. */
  readonly conditions: readonly Condition[];
}

/** The steps of a pipeline, in the order in which they were added: a step can only refer to earlier ones. */
export class Flow {
  readonly steps: AddedStep[] = [];
  readonly problems: string[] = [];

  add<const Output extends string = never, const Artifact extends string = never>(
    name: string,
    options: StepOptions<Output, Artifact>,
  ): Step<Output, Artifact> {
    const conditions = this.conditionsOf(options);
    this.check(name, options, conditions);
    this.steps.push({ name, options, conditions });
    const outputs = (options.outputs ?? []).map((output): [string, Reference] => [
      output,
      { kind: "reference", tag: `tasks.${name}.outputs.parameters.${output}`, step: name },
    ]);
    const artifacts = (options.artifacts ?? []).map((artifact): [string, ArtifactReference] => [
      artifact,
      { kind: "artifact", tag: `tasks.${name}.outputs.artifacts.${artifact}`, step: name },
    ]);
    return {
      name,
      outputs: Object.fromEntries(outputs) as Record<Output, Reference>,
      artifacts: Object.fromEntries(artifacts) as Record<Artifact, ArtifactReference>,
    };
  }

  private conditionsOf(options: StepOptions<string, string>): Condition[] {
    const explicit = options.after ?? [];
    const named = new Set(explicit.flatMap(stepsOf));
    const used = [
      ...Object.values(options.parameters ?? {}).filter((value) => typeof value === "object"),
      ...Object.values(options.inputs ?? {}),
      ...(options.when === undefined ? [] : referencesOf(options.when)),
      ...(options.forEach === undefined ? [] : [options.forEach]),
      ...(typeof options.repeat === "object" ? [options.repeat] : []),
    ].flatMap(({ step }) => (step === undefined || named.has(step) ? [] : [step]));
    return [...explicit, ...[...new Set(used)].map((step) => succeeded({ name: step }))];
  }

  private check(name: string, options: StepOptions<string, string>, conditions: readonly Condition[]): void {
    const say = (problem: string): void => void this.problems.push(`step "${name}": ${problem}`);
    if (!kebabCase.test(name)) say("its name is not in kebab-case");
    if (this.steps.some((step) => step.name === name)) say("a step of this name was added before");
    for (const step of new Set(conditions.flatMap(stepsOf))) {
      if (!this.steps.some((earlier) => earlier.name === step))
        say(`it refers to "${step}", no earlier step`);
    }
    const flags = [
      ...Object.keys(options.parameters ?? {}),
      ...Object.keys(options.inputs ?? {}),
      ...[...(options.outputs ?? []), ...(options.artifacts ?? [])].map((output) => `output-${output}`),
    ];
    for (const flag of flags) if (!kebabCase.test(flag)) say(`"${flag}" is not in kebab-case`);
    for (const flag of new Set(flags.filter((one, index) => flags.indexOf(one) !== index))) {
      say(`"${flag}" is given twice`);
    }
    if (options.forEach !== undefined && options.repeat !== undefined) say("it has both forEach and repeat");
    const numbers = { deadline: options.deadline, ...options.retries };
    for (const [field, value] of Object.entries(numbers)) {
      if (!Number.isInteger(value) || value < 1) say(`${field} ${value} is no whole number above 0`);
    }
  }
}
