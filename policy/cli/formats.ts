import { countFindings, type Report, severityOf } from "../manifests/report.ts";
import type { Rule } from "../rules/types.ts";

/** Report formats by the name that `--format` takes. */
export const formats = { text: toText, json: toJson, sarif: toSarif } as const;
export type Format = keyof typeof formats;

function toText({ findings, unreadable, objects }: Report): string {
  const found = findings.map((finding) => {
    const { file, line, column, object, rule, message, path, fix } = finding;
    const what = `${file}:${line}:${column}: ${severityOf(finding)} [${rule}] ${object}: ${message}`;
    return [what, `    at ${path}`, `    fix: ${fix}`].map((text) => `${printable(text)}\n`).join("");
  });
  const errors = unreadable.map(({ file, message }) => `${printable(`${file}: unreadable: ${message}`)}\n`);
  const { error, advice, deferred } = countFindings(findings);
  const summary = `objects ${objects}, errors ${error}, advice ${advice}, deferred ${deferred}, unreadable files ${unreadable.length}\n`;
  return [...found, ...errors, summary].join("");
}

/** A manifest's names and values may hold line breaks and what steers a terminal; they are to be read, not obeyed. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function toJson({ findings, unreadable, objects }: Report): string {
  return `${JSON.stringify({ summary: { objects, ...countFindings(findings) }, findings, unreadable }, null, 2)}\n`;
}

/** What a SARIF rule needs to be listed. */
export type ListedRule = Pick<Rule, "name" | "description" | "level">;

const SARIF_LEVELS = { error: "error", advice: "warning", deferred: "note" } as const;

/** SARIF 2.1.0, as code scanning services take it. */
function toSarif({ findings, unreadable }: Report, rules: readonly ListedRule[]): string {
  const driver = {
    name: "mlops-policy",
    rules: rules.map(({ name, description, level }) => ({
      id: name,
      shortDescription: { text: description },
      defaultConfiguration: { level: level === "advisory" ? "warning" : "error" },
    })),
  };
  const results = findings.map((finding) => ({
    ruleId: finding.rule,
    ruleIndex: rules.findIndex(({ name }) => name === finding.rule),
    level: SARIF_LEVELS[severityOf(finding)],
    message: { text: `${finding.message} (${finding.path}). To mend it: ${finding.fix}.` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: toUri(finding.file) },
          region: { startLine: finding.line, startColumn: finding.column },
        },
        logicalLocations: [{ fullyQualifiedName: finding.object, kind: "object" }],
      },
    ],
  }));
  const notifications = unreadable.map(({ file, message }) => ({
    level: "error",
    message: { text: message },
    locations: [{ physicalLocation: { artifactLocation: { uri: toUri(file) } } }],
  }));
  const run = {
    tool: { driver },
    columnKind: "utf16CodeUnits",
    results,
    invocations: [
      { executionSuccessful: unreadable.length === 0, toolExecutionNotifications: notifications },
    ],
  };
  const schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";
  return `${JSON.stringify({ $schema: schema, version: "2.1.0", runs: [run] }, null, 2)}\n`;
}

/** Files are given relative to where the CLI runs; SARIF wants an URI. */
function toUri(file: string): string {
  return file === "-" ? "stdin" : file.split("/").map(encodeURIComponent).join("/");
}
