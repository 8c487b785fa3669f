import { z } from "zod";
import type { InputParameter } from "./template.ts";

/** Types that a pipeline's annotation gives its parameters. */
const types = z.record(
  z.string(),
  z.object({
    type: z.enum(["text", "integer", "number", "boolean"]),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
  }),
);

/** Parameters that were given wrongly; nothing was started. */
export class ParameterError extends Error {
  override readonly name = "ParameterError";
  readonly problems: readonly string[];
  constructor(pipeline: string, problems: readonly string[]) {
    super(`parameters of "${pipeline}":\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/**
 * The value of every parameter: what is given, else its default.
 *
 * @param annotation types as the template's annotation has them; undefined for a template without
 * @throws ParameterError listing every unknown name, missing value, and value of the wrong type.
 */
export function resolveParameters(
  pipeline: string,
  declared: readonly InputParameter[],
  given: Readonly<Record<string, string>>,
  annotation: string | undefined,
): Record<string, string> {
  const known = new Map(declared.map((parameter) => [parameter.name, parameter]));
  const typed = annotation === undefined ? {} : types.parse(JSON.parse(annotation));
  const problems: string[] = [];
  for (const name of Object.keys(given)) {
    if (!known.has(name))
      problems.push(`"${name}" is unknown; parameters: ${[...known.keys()].join(", ") || "none"}`);
  }
  const values: Record<string, string> = {};
  for (const parameter of declared) {
    const value = given[parameter.name] ?? parameter.value ?? parameter.default;
    if (value === undefined) {
      problems.push(`"${parameter.name}" has no default: name a value, ${parameter.name}=...`);
      continue;
    }
    const wrong = wrongBecause(value, parameter, typed[parameter.name]);
    if (wrong !== undefined) problems.push(`${parameter.name}=${value}: ${wrong}`);
    values[parameter.name] = value;
  }
  if (problems.length > 0) throw new ParameterError(pipeline, problems);
  return values;
}

function wrongBecause(
  value: string,
  parameter: InputParameter,
  type: z.infer<typeof types>[string] | undefined,
): string | undefined {
  if (parameter.enum !== undefined && !parameter.enum.includes(value)) {
    return `must be one of ${parameter.enum.join(", ")}`;
  }
  if (type?.type !== "integer" && type?.type !== "number") return undefined;
  const parsed = /^-?\d+(?:\.\d+)?(?:e-?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(parsed)) return type.type === "integer" ? "must be a whole number" : "must be a number";
  if (type.type === "integer" && !Number.isInteger(parsed)) return "must be a whole number";
  if (type.minimum !== undefined && parsed < type.minimum) return `must be at least ${type.minimum}`;
  if (type.maximum !== undefined && parsed > type.maximum) return `must be at most ${type.maximum}`;
  return undefined;
}
