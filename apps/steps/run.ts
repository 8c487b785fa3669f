import { RefusedError } from "@mlops/registry";
import { StepContext } from "./lib/context.ts";
import { Environment } from "./lib/environment.ts";
import { GateStopped, InputError } from "./lib/errors.ts";
import { parseFlags } from "./lib/flags.ts";
import type { Step } from "./lib/step.ts";
import { steps } from "./table.ts";
import { usage, usageOf } from "./usage.ts";

/** What a step's exit code means; Argo's retries look at it. */
export const exitCodes = {
  /** Done. */
  ok: 0,
  /** A bug, or something that is away: may be tried again. */
  failed: 1,
  /** Bad input: trying again does not help. */
  input: 2,
  /** A gate said no or could not tell, or the state of the model does not allow it: trying again does not help. */
  refused: 3,
} as const;

export interface Streams {
  /** What a command answers. */
  readonly out: (text: string) => void;
  /** Progress and errors, for people. */
  readonly err: (text: string) => void;
}

/** Runs `STEP --flag value ...` and returns its exit code. */
export async function main(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  streams: Streams,
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h") {
    (name === undefined ? streams.err : streams.out)(usage(steps));
    return name === undefined ? exitCodes.input : exitCodes.ok;
  }
  const step = steps.find((one) => one.name === name);
  if (step === undefined) {
    streams.err(`error: unknown step ${name}; there are ${steps.map((one) => one.name).join(", ")}\n`);
    return exitCodes.input;
  }
  if (rest.includes("--help")) {
    streams.out(usageOf(step));
    return exitCodes.ok;
  }
  try {
    await runStep(step, rest, environment, streams);
    return exitCodes.ok;
  } catch (error) {
    streams.err(`${name}: error: ${(error as Error).message}\n`);
    if (error instanceof InputError) return exitCodes.input;
    if (error instanceof GateStopped || error instanceof RefusedError) return exitCodes.refused;
    return exitCodes.failed;
  }
}

async function runStep(
  step: Step,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  streams: Streams,
): Promise<void> {
  const { values, outputs } = parseFlags(argv, step.flags, step.outputs);
  const log = (line: string): void => streams.err(`${step.name}: ${line}\n`);
  const context = new StepContext(step.name, new Environment(environment), log);
  await step.run(context, values, (results: Readonly<Record<string, string | Uint8Array>>) => {
    for (const [name, path] of outputs) context.files.write(path, results[name] ?? "");
  });
}
