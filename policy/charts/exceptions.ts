import { z } from "zod";
import type { ManifestFinding } from "../manifests/findings.ts";
import { blocks } from "../rules/evaluate.ts";
import type { Context } from "../rules/types.ts";

const exceptionSchema = z.strictObject({
  rule: z.string(),
  chart: z.string(),
  /** Objects as `Kind/name`; `*` stands for any text. */
  objects: z.array(z.string().regex(/^[^/]+\/[^/]+$/, "write it as Kind/name")).min(1),
  stacks: z.array(z.enum(["local", "aws"])).default(["local", "aws"]),
  owner: z.string().min(1),
  reason: z.string().min(10, "say why in a sentence"),
  expires: z.iso.date(),
});

const fileSchema = z.strictObject({ exceptions: z.array(exceptionSchema) });

/** A finding that somebody answers for until a day. */
export type Exception = z.output<typeof exceptionSchema>;

/** A finding in a rendered chart. */
export interface ChartFinding extends ManifestFinding {
  readonly chart: string;
}

/** An exception that no longer has a reason to be there, by its position in the file. */
export interface StaleException {
  readonly index: number;
  readonly rule: "exception-expired" | "exception-unused";
  readonly message: string;
  readonly fix: string;
}

/** Checks what an exceptions file says. Throws an Error that names each wrong field. */
export function readExceptions(stated: unknown): Exception[] {
  const parsed = fileSchema.safeParse(stated);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data.exceptions;
}

/**
 * Lets excepted findings through and names the exceptions that are expired or that nothing needs any more.
 * @param charts the charts that were looked at: exceptions of others may well be needed
 * @param today as YYYY-MM-DD; an exception holds up to and including its last day
 */
export function applyExceptions(
  findings: readonly ChartFinding[],
  exceptions: readonly Exception[],
  { stack }: Context,
  charts: readonly string[],
  today: string,
): { findings: ChartFinding[]; stale: StaleException[] } {
  const listed = exceptions.map((exception, index) => ({ exception, index }));
  const relevant = listed.filter(
    ({ exception }) => charts.includes(exception.chart) && exception.stacks.includes(stack),
  );
  const used = new Set<number>();
  const kept = findings.filter((finding) => {
    const matching = relevant.filter(({ exception }) => blocks(finding) && covers(exception, finding));
    for (const { index } of matching) used.add(index);
    return !matching.some(({ exception }) => exception.expires >= today);
  });
  const expired = listed
    .filter(({ exception }) => exception.expires < today)
    .map(({ exception, index }) =>
      stale(index, "exception-expired", `${name(exception)} expired on ${exception.expires}`),
    );
  const unused = relevant
    .filter(({ index, exception }) => !used.has(index) && exception.expires >= today)
    .map(({ exception, index }) => stale(index, "exception-unused", `${name(exception)} matches no finding`));
  return { findings: kept, stale: [...expired, ...unused] };
}

function covers({ rule, chart, objects }: Exception, finding: ChartFinding): boolean {
  return (
    rule === finding.rule &&
    chart === finding.chart &&
    objects.some((pattern) => matches(pattern, finding.objectName))
  );
}

function matches(pattern: string, text: string): boolean {
  const literal = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`).test(text);
}

function name({ rule, chart }: Exception): string {
  return `the exception from ${rule} for ${chart}`;
}

function stale(index: number, rule: StaleException["rule"], message: string): StaleException {
  const fix =
    rule === "exception-expired" ? "mend the chart's values, or renew it with a reason" : "remove it";
  return { index, rule, message, fix };
}
