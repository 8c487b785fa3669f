import { parse } from "yaml";
import { exceptionRules } from "../charts/check.ts";
import { createContext } from "../context.ts";
import { readText, UnreadableError } from "../manifests/readInput.ts";
import type { Report } from "../manifests/report.ts";
import { rules, stackRules } from "../rules/catalog.ts";
import { blocks } from "../rules/evaluate.ts";
import type { Context } from "../rules/types.ts";
import { type Arguments, readArguments, USAGE, UsageError } from "./arguments.ts";
import { checkFolder, type List } from "./charts.ts";
import { checkFiles, type Open } from "./check.ts";
import { describeRule } from "./describeRule.ts";
import { formats } from "./formats.ts";

/** What the CLI reads from and writes to. */
export interface Terminal {
  readonly open: Open;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
  readonly list: List;
  /** What surrounds the objects of one of the project's stacks; undefined when there is no such stack. */
  readonly stackContext: (stack: string) => Context | undefined;
  /** The date as YYYY-MM-DD, which decides which exceptions are expired. */
  readonly today: () => string;
}

/** Where exceptions are kept unless the caller says otherwise, seen from the repository's root. */
const EXCEPTIONS = "policy/exceptions.yaml";

/** Runs the CLI. Resolves to its exit code: 0 clean, 1 a mandatory finding, 2 unreadable input or wrong use. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const given = readArguments(argv);
    if (given.command === "help") {
      terminal.print(USAGE);
      return 0;
    }
    if (given.command === "rules") {
      terminal.print([...rules, ...stackRules].map(describeRule).join("\n"));
      return 0;
    }
    const context = await readContext(given, terminal);
    const report = await runCommand(given, context, terminal);
    terminal.print(formats[given.format](report, [...rules, ...exceptionRules]));
    if (report.unreadable.length > 0) return 2;
    return report.findings.some(blocks) ? 1 : 0;
  } catch (error) {
    if (error instanceof UsageError) terminal.complain(`${error.message}\n\n${USAGE}`);
    else if (error instanceof UnreadableError) terminal.complain(`${error.message}\n`);
    // Not 1, which Node ends with and which would mean that everything was judged.
    else terminal.complain(`internal error: ${error instanceof Error ? error.stack : String(error)}\n`);
    return 2;
  }
}

async function runCommand(
  given: Arguments,
  context: Context,
  { open, list, today }: Terminal,
): Promise<Report> {
  const { command, files, rendered = "", exceptions = EXCEPTIONS } = given;
  if (command === "check") return checkFiles(files, context, open);
  return checkFolder(rendered, exceptions, context, { open, list }, today());
}

async function readContext(
  { context: file, stack = "local" }: Arguments,
  { open, stackContext }: Terminal,
): Promise<Context> {
  const source = file ?? `Pulumi.${stack}.yaml`;
  let context: Context | undefined;
  try {
    context =
      file === undefined ? stackContext(stack) : createContext(parse(await readText(open(file))) ?? {});
  } catch (error) {
    throw new UnreadableError(`${source}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (context === undefined) throw new UnreadableError(`there is no ${source}`);
  return context;
}
