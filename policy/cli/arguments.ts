import { parseArgs } from "node:util";
import { type Format, formats } from "./formats.ts";

export const USAGE = `Usage: mlops-policy [options] FILE|- ...
       mlops-policy charts [options] --rendered FOLDER
       mlops-policy rules

Checks Kubernetes manifests (YAML or JSON; several documents, Lists, kustomize output) against the
platform's rules. \`charts\` checks rendered Helm charts, FOLDER/NAMESPACE/CHART.yaml with the namespace of the
release; findings that an exception names are let through. \`rules\` lists the rules with their settings.

Options:
  --format text|json|sarif   how to print what is found (text)
  --stack NAME               the stack that the objects are for: Pulumi.NAME.yaml says what surrounds them (local)
  --context FILE             instead: YAML that says it (namespaces, registries, settings of rules)
  --rendered FOLDER          charts: where the rendered charts are
  --exceptions FILE          charts: accepted findings (policy/exceptions.yaml)
  --help                     this text

Exit code: 0 nothing mandatory found, 1 something was, 2 something could not be read.
`;

/** Wrong arguments; the message says which. */
export class UsageError extends Error {}

export interface Arguments {
  readonly command: "check" | "charts" | "rules" | "help";
  readonly files: readonly string[];
  readonly format: Format;
  readonly context?: string;
  readonly stack?: string;
  readonly rendered?: string;
  readonly exceptions?: string;
}

/** Reads the command line. Throws a UsageError that says what is wrong. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parse(argv);
  const { format = "text", help = false, ...options } = values;
  if (help) return { command: "help", files: [], format: "text" };
  if (!Object.hasOwn(formats, format)) {
    throw new UsageError(`--format ${format} is unknown; use ${Object.keys(formats).join(", ")}`);
  }
  if (positionals.length === 1 && positionals[0] === "rules")
    return { command: "rules", files: [], format: "text" };
  const charts = positionals[0] === "charts";
  const files = charts ? positionals.slice(1) : positionals;
  if (charts && (options.rendered === undefined || files.length > 0)) {
    throw new UsageError("charts takes --rendered FOLDER and no files");
  }
  if (options.stack !== undefined && options.context !== undefined) {
    throw new UsageError("--stack and --context exclude each other");
  }
  if (!charts && files.length === 0) throw new UsageError("no file is named; use - for standard input");
  return { command: charts ? "charts" : "check", files, format: format as Format, ...options };
}

function parse(argv: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        format: text,
        context: text,
        stack: text,
        rendered: text,
        exceptions: text,
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
