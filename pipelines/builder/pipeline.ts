import { Flow } from "./flow.ts";
import { kebabCase, type Parameter, type Reference } from "./values.ts";

/** Kinds of model servers; none named, a pipeline may still need the gateway. */
export type ModelServer = "triton" | "vllm";

/** When a pipeline runs by itself. */
export interface Schedule {
  /** Cron expressions in UTC, five fields each. */
  readonly schedules: readonly string[];
  /** Parameters of these runs; the pipeline's defaults for the rest. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface PipelineOptions<Name extends string> {
  /** Kebab-case; also the WorkflowTemplate's name. */
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  /** Who answers for it, and which queue its pods wait in: labels of every pod. */
  readonly owner: string;
  readonly queue: string;
  readonly parameters: Readonly<Record<Name, Parameter>>;
  /** Seconds that a whole run may take. */
  readonly deadline: number;
  /** Steps at a time; by default as many as can run. */
  readonly parallelism?: number;
  readonly schedule?: Schedule;
  /** Model servers that it needs, and with them the gateway; where pods do not run they are started for it. */
  readonly serving?: readonly ModelServer[];
  /** Adds the steps. */
  readonly steps: (flow: Flow, parameters: Readonly<Record<Name, Reference>>) => void;
  /** Adds the steps that run at the end, however it ends: cleaning up and telling people. */
  readonly atExit?: (flow: Flow, parameters: Readonly<Record<Name, Reference>>) => void;
}

/** A checked pipeline, ready to be compiled. */
export interface Pipeline extends Omit<PipelineOptions<string>, "steps" | "atExit"> {
  readonly flow: Flow;
  readonly exitFlow: Flow;
}

/** A pipeline that cannot be compiled. */
export class PipelineError extends Error {
  override readonly name = "PipelineError";
  readonly problems: readonly string[];
  constructor(pipeline: string, problems: readonly string[]) {
    super(`pipeline "${pipeline}":\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/**
 * Checks a pipeline and collects its steps.
 *
 * @throws PipelineError with all problems at once.
 */
export function definePipeline<const Name extends string>(options: PipelineOptions<Name>): Pipeline {
  const { steps, atExit, ...rest } = options;
  const references = Object.fromEntries(
    Object.keys(options.parameters).map((name) => [
      name,
      { kind: "reference", tag: `workflow.parameters.${name}` } as const,
    ]),
  ) as Record<Name, Reference>;
  const flow = new Flow();
  steps(flow, references);
  const exitFlow = new Flow();
  atExit?.(exitFlow, references);
  const problems = [
    ...headProblems(options),
    ...flow.problems,
    ...exitFlow.problems,
    ...(flow.steps.length === 0 ? ["it has no steps"] : []),
    ...flow.steps
      .filter((step) => exitFlow.steps.some(({ name }) => name === step.name))
      .map(({ name }) => `step "${name}" is also an exit step`),
  ];
  if (problems.length > 0) throw new PipelineError(options.name, problems);
  return { ...rest, flow, exitFlow };
}

function headProblems(options: PipelineOptions<string>): string[] {
  const { name, deadline, parallelism, schedule } = options;
  const parameters: Readonly<Record<string, Parameter>> = options.parameters;
  return [
    // Argo appends the time to the names of scheduled runs.
    ...(kebabCase.test(name) && name.length <= 50
      ? []
      : ["its name is not in kebab-case, of at most 50 characters"]),
    ...Object.keys(parameters)
      .filter((parameter) => !kebabCase.test(parameter))
      .map((parameter) => `parameter "${parameter}" is not in kebab-case`),
    ...Object.entries(parameters).flatMap(([key, parameter]) => defaultProblems(key, parameter)),
    ...[deadline, parallelism ?? 1]
      .filter((value) => !Number.isInteger(value) || value < 1)
      .map((value) => `${value} is no whole number above 0`),
    ...Object.keys(schedule?.parameters ?? {})
      .filter((parameter) => !Object.hasOwn(parameters, parameter))
      .map((parameter) => `its schedule sets "${parameter}", which is no parameter`),
    ...(schedule?.schedules ?? [])
      .filter((cron) => cron.trim().split(/\s+/).length !== 5)
      .map((cron) => `schedule "${cron}" has not five fields`),
  ];
}

function defaultProblems(name: string, parameter: Parameter): string[] {
  const value = parameter.default;
  if (value === undefined) return [];
  const wrong = (because: string): string[] => [`default ${JSON.stringify(value)} of "${name}" ${because}`];
  if (parameter.type === "text") {
    const { oneOf } = parameter;
    return oneOf === undefined || oneOf.includes(String(value))
      ? []
      : wrong(`is not one of ${oneOf.join(", ")}`);
  }
  if (parameter.type === "boolean" || typeof value !== "number") return [];
  if (parameter.type === "integer" && !Number.isInteger(value)) return wrong("is no whole number");
  if (value < (parameter.minimum ?? value)) return wrong(`is below ${parameter.minimum}`);
  if (value > (parameter.maximum ?? value)) return wrong(`is above ${parameter.maximum}`);
  return [];
}
