import { z } from "zod";
import { formatPath, type Path } from "./json.ts";
import type {
  Addition,
  ConfigSchema,
  Context,
  Finding,
  JsonObject,
  Level,
  Rule,
  StackResource,
  StackRule,
  Target,
} from "./types.ts";

/** A finding before its rule's name and level are added. */
export interface Issue {
  readonly path: Path;
  readonly message: string;
  readonly fix: string;
  /** The value is only known at run time. */
  readonly deferred?: boolean;
}

/** An issue about a value that only run time knows. */
export function deferral(path: Path, what: string): Issue {
  const message = `${what} is only known at run time`;
  return { path, message, fix: "nothing here, Pod admission decides", deferred: true };
}

interface Described<Shape extends z.ZodRawShape> {
  readonly name: string;
  readonly description: string;
  /** Settings, each with a default and a description. */
  readonly knobs?: z.ZodObject<Shape>;
}

type Settings<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

interface Definition<Shape extends z.ZodRawShape> extends Described<Shape> {
  readonly level: Level;
  readonly target: Target;
  readonly types?: readonly string[];
  readonly check: (object: unknown, context: Context, knobs: Settings<Shape>, type: string) => Issue[];
  readonly remediate?: (
    object: unknown,
    context: Context,
    knobs: Settings<Shape>,
    type: string,
  ) => Addition[];
}

interface StackDefinition<Shape extends z.ZodRawShape> extends Described<Shape> {
  readonly level: Exclude<Level, "remediate">;
  readonly checkStack: (
    resources: readonly StackResource[],
    context: Context,
    knobs: Settings<Shape>,
  ) => (Issue & { readonly urn: string })[];
}

/** Makes a rule of its definition: adds name and level to what it finds, and defaults to its settings. */
export function defineRule<Shape extends z.ZodRawShape>(definition: Definition<Shape>): Rule {
  const { name, description, level, target, types = [], check, remediate } = definition;
  const settings = settingsReader(definition);
  return {
    name,
    description,
    level,
    target,
    types,
    configSchema: configSchemaOf(definition),
    problemsWithKnobs: (context) => problemsWithKnobs(definition, context),
    check: (object, context, type = "") =>
      check(object, context, settings(context), type).map((issue) => toFinding(issue, name, level)),
    ...(remediate && {
      remediate: (object, context, type = "") => remediate(object, context, settings(context), type),
    }),
  };
}

/** Makes a stack rule of its definition, as `defineRule` does. */
export function defineStackRule<Shape extends z.ZodRawShape>(definition: StackDefinition<Shape>): StackRule {
  const { name, description, level, checkStack } = definition;
  const settings = settingsReader(definition);
  return {
    name,
    description,
    level,
    configSchema: configSchemaOf(definition),
    problemsWithKnobs: (context) => problemsWithKnobs(definition, context),
    checkStack: (resources, context) =>
      checkStack(resources, context, settings(context)).map((issue) => ({
        ...toFinding(issue, name, level),
        urn: issue.urn,
      })),
  };
}

function toFinding({ path, message, fix, deferred }: Issue, rule: string, level: Level): Finding {
  return { kind: deferred ? "deferred" : "violation", rule, message, path: formatPath(path), fix, level };
}

function configSchemaOf<Shape extends z.ZodRawShape>({ knobs }: Described<Shape>): ConfigSchema {
  const schema = knobs && z.toJSONSchema(knobs, { io: "input", target: "draft-7" });
  return { properties: (schema?.properties ?? {}) as Record<string, JsonObject> };
}

function schemaOf<Shape extends z.ZodRawShape>({ knobs }: Described<Shape>): z.ZodObject<Shape> {
  return knobs ?? (z.strictObject({}) as unknown as z.ZodObject<Shape>);
}

/** A rule's settings in a context, with defaults for what it does not state. */
export function knobsIn<Shape extends z.ZodRawShape>(
  { knobs }: Context,
  rule: string,
  schema: z.ZodObject<Shape>,
): Settings<Shape> {
  return schema.parse(knobs[rule] ?? {});
}

function problemsWithKnobs<Shape extends z.ZodRawShape>(
  definition: Described<Shape>,
  { knobs }: Context,
): string[] {
  const read = schemaOf(definition)
    .strict()
    .safeParse(knobs[definition.name] ?? {});
  return (
    read.error?.issues.map(({ path, message }) => `  ${[definition.name, ...path].join(".")}: ${message}`) ??
    []
  );
}

/** Reads a rule's settings from a context, once per context: a rule runs thousands of times in one. */
function settingsReader<Shape extends z.ZodRawShape>(definition: Described<Shape>) {
  const schema = schemaOf(definition);
  const read = new WeakMap<Context, Settings<Shape>>();
  return (context: Context): Settings<Shape> => {
    const known = read.get(context);
    if (known !== undefined) return known;
    const settings = knobsIn(context, definition.name, schema);
    read.set(context, settings);
    return settings;
  };
}
