import type { EngineLog } from "../lib/engine.ts";
import type { PropertySpecs, ResourceSchema, Values } from "../lib/schema.ts";
import { containsSecret, type PropertyMap, reveal, revealAll, secret } from "../lib/values.ts";
import { type Ended, runProcess, type StreamName } from "./process.ts";
import { redactor } from "./redact.ts";

const baseInputs = {
  addPreviousOutputInEnv: { type: "boolean" },
  archivePaths: { type: "strings" },
  assetPaths: { type: "strings" },
  dir: { type: "string" },
  environment: { type: "stringMap" },
  interpreter: { type: "strings" },
  logging: { type: "string" },
  stdin: { type: "string" },
} as const satisfies PropertySpecs;

const outputs = { stderr: { type: "string" }, stdout: { type: "string" } } as const satisfies PropertySpecs;

/** `command:local:Command` */
export const commandSchema = {
  inputs: {
    ...baseInputs,
    create: { type: "string" },
    delete: { type: "string" },
    triggers: { type: "list" },
    update: { type: "string" },
  },
  outputs,
} as const satisfies ResourceSchema;

/** `command:local:run` */
export const runSchema = {
  inputs: { ...baseInputs, command: { type: "string", required: true } },
  outputs,
} as const satisfies ResourceSchema;

type BaseInputs = Values<typeof baseInputs>;
export type Operation = "create" | "update" | "delete" | "run";

/** Which streams may be shown to the user, by the value of `logging`; absent means both. */
export const loggedStreams: Readonly<Record<string, readonly StreamName[]>> = {
  stdout: ["stdout"],
  stderr: ["stderr"],
  stdoutAndStderr: ["stdout", "stderr"],
  none: [],
};

/** Lines of output that an error repeats; all of it was shown while the command ran. */
const errorLines = 30;

export interface Run {
  readonly operation: Operation;
  readonly command: string;
  readonly inputs: PropertyMap;
  /** State after the previous operation, which the command sees in its environment. */
  readonly previous: PropertyMap;
  readonly urn: string;
  readonly log: EngineLog;
}

function outcome({ code, signal, cancelled }: Ended): string {
  if (cancelled) return "was cancelled";
  return signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
}

function failure(operation: Operation, ended: Ended, shown: readonly string[], mayShow: boolean): Error {
  const tail = shown.slice(-errorLines);
  const cut = tail.length < shown.length ? ` (last ${errorLines} lines)` : "";
  const output = mayShow ? (tail.length > 0 ? `${cut}:\n${tail.join("\n")}` : " without output") : "";
  return new Error(`the ${operation} command ${outcome(ended)}${output}`);
}

function previousOutput(inputs: BaseInputs, previous: PropertyMap): Record<string, string> {
  if (inputs.addPreviousOutputInEnv === false) return {};
  const { stdout, stderr } = revealAll(previous);
  return {
    ...(stdout ? { PULUMI_COMMAND_STDOUT: String(stdout) } : {}),
    ...(stderr ? { PULUMI_COMMAND_STDERR: String(stderr) } : {}),
  };
}

/**
 * Runs a command and gives its output, trimmed of one newline. What it prints is shown as it comes, as `logging`
 * allows, and again at the end of the error if it fails, without the texts of secret inputs.
 */
export async function runCommand(run: Run): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { operation, command, previous, urn, log } = run;
  const inputs = revealAll(run.inputs) as BaseInputs;
  const redact = redactor(run.inputs, previous);
  const mayShow = loggedStreams[inputs.logging ?? "stdoutAndStderr"] ?? [];
  const shown: string[] = [];

  const ended = await runProcess({
    command,
    interpreter: inputs.interpreter ?? [],
    dir: inputs.dir,
    environment: { ...inputs.environment, ...previousOutput(inputs, previous) },
    stdin: inputs.stdin ?? "",
    onLine(stream, line) {
      if (!mayShow.includes(stream)) return;
      const redacted = redact(line);
      shown.push(redacted);
      log.progress(redacted, urn);
    },
  });
  await log.flushed();
  if (ended.code !== 0 || ended.cancelled) throw failure(operation, ended, shown, mayShow.length > 0);
  return ended;
}

/**
 * The state after an operation: the inputs as they were given and the output. The real plugin 1.2.1 leaves the
 * output of a command with secret inputs in the clear; here it is secret, and stays so under the real plugin.
 */
export function stateOf(inputs: PropertyMap, { stdout, stderr }: PropertyMap): PropertyMap {
  const guard = containsSecret(inputs) ? secret : (value: PropertyMap[string]) => value;
  return { ...inputs, stderr: guard(stderr ?? ""), stdout: guard(stdout ?? "") };
}

/** The command that an input holds, if any. */
export function commandIn(inputs: PropertyMap, ...names: readonly string[]): string | undefined {
  const command = names.map((name) => reveal(inputs[name] ?? null)).find((value) => value !== null);
  return command === undefined ? undefined : String(command);
}
