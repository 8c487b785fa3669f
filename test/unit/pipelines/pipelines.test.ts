import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { steps as deploymentSteps } from "../../../apps/steps/table.ts";
import { readSpec } from "../../../packages/runner/check.ts";
import { compile } from "../../../pipelines/builder/index.ts";
import { stepImages } from "../../../pipelines/images.ts";
import { pipelines } from "../../../pipelines/index.ts";
import { createContext } from "../../../policy/context.ts";
import { rules } from "../../../policy/rules/catalog.ts";
import { place } from "./fixtures.ts";

const schema = JSON.parse(readFileSync("pipelines/argo/schema.json", "utf8")) as { definitions: object };

/** The schema with every object closed, as the API server's own strict decoding is. */
function closed(value: unknown, isProperties = false): unknown {
  if (Array.isArray(value)) return value.map((element) => closed(element));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, child]) => [
    key,
    closed(child, key === "properties" && !isProperties),
  ]);
  const close = !isProperties && "properties" in value ? { additionalProperties: false } : {};
  return { ...Object.fromEntries(entries), ...close };
}

function problemsWith(kind: string, object: unknown): string[] {
  const document = {
    $schema: "http://json-schema.org/draft-07/schema#",
    definitions: closed(schema.definitions),
    $ref: `#/definitions/${kind}`,
  };
  const parsed = z.fromJSONSchema(document as Parameters<typeof z.fromJSONSchema>[0]).safeParse(object);
  return parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

const compiled = pipelines.map((pipeline) => ({
  name: pipeline.name,
  pipeline,
  ...compile(pipeline, place),
}));

describe.each(compiled)("pipeline $name", ({ pipeline, template, cron }) => {
  it("is what Argo's schema calls a WorkflowTemplate", () => {
    expect(problemsWith("WorkflowTemplate", template)).toEqual([]);
    if (cron !== undefined) expect(problemsWith("CronWorkflow", cron)).toEqual([]);
    const broken = { ...template, spec: { ...template.spec, templates: [{ name: "x", dag: { task: [] } }] } };
    expect(problemsWith("WorkflowTemplate", broken)).not.toEqual([]);
  });

  it("is what the runner can run", () => {
    expect(() => readSpec(pipeline.name, template.spec)).not.toThrow();
  });

  it.each([0, 1])("passes every policy, with %i GPUs", (gpus) => {
    const context = createContext({
      registries: { own: ["registry.localhost:5000"], allowed: [] },
      namespaces: { pipelines: { gpuQuota: gpus, maximumGpus: gpus } },
    });
    const objects = Object.values(compile(pipeline, { ...place, gpus })).filter(
      (object) => object !== undefined,
    );
    const findings = rules
      .filter(({ target }) => target === "kubernetes")
      .flatMap((rule) =>
        objects.flatMap((object) => rule.check(object, context, `kubernetes:${object.kind}`)),
      );
    expect(findings).toEqual([]);
  });

  it("calls every step with flags that the step knows, and all that it needs", () => {
    const problems = [...pipeline.flow.steps, ...pipeline.exitFlow.steps].flatMap(({ name, options }) => {
      const known = interfaces.get(`${options.image}/${options.runs}`);
      if (known === undefined) return [`${name}: there is no step ${options.runs}`];
      const given = [...Object.keys(options.parameters ?? {}), ...Object.keys(options.inputs ?? {})];
      const wanted = [...(options.outputs ?? []), ...(options.artifacts ?? [])];
      return [
        ...given.filter((flag) => !known.flags.has(flag)).map((flag) => `${name}: no flag --${flag}`),
        ...wanted
          .filter((output) => !known.outputs.includes(output))
          .map((output) => `${name}: no output ${output}`),
        ...[...known.flags]
          .filter(([flag, required]) => required && !given.includes(flag))
          .map(([flag]) => `${name}: --${flag} is missing`),
      ];
    });
    expect(problems).toEqual([]);
  });
});

interface StepInterface {
  /** Flags, and whether they must be given. */
  readonly flags: ReadonlyMap<string, boolean>;
  readonly outputs: readonly string[];
}

const pythonSteps = z
  .array(
    z.object({
      name: z.string(),
      parameters: z.array(
        z.object({ name: z.string(), default: z.unknown().optional(), optional: z.boolean().optional() }),
      ),
      outputs: z.array(z.object({ name: z.string() })),
    }),
  )
  .parse(JSON.parse(readFileSync("training/steps.json", "utf8")));

/** The flags of the benchmark's script, as its source has them. */
function benchmarkInterface(): StepInterface {
  const source = readFileSync("apps/steps/benchmark/measure_performance.py", "utf8");
  const flags = [...source.matchAll(/add_argument\(\s*"--([a-z-]+)"([^\n]*)/g)];
  const named = flags.map(([, flag = "", rest = ""]): [string, boolean] => [
    flag,
    rest.includes("required=True"),
  ]);
  const isOutput = ([flag]: readonly [string, boolean]): boolean => flag.startsWith("output-");
  return {
    flags: new Map(named.filter((flag) => !isOutput(flag))),
    outputs: named.filter(isOutput).map(([flag]) => flag.slice("output-".length)),
  };
}

/** What the steps' own code says about their command lines, by image and step. */
const interfaces = new Map<string, StepInterface>([
  ["benchmark/measure-performance", benchmarkInterface()],
  ...deploymentSteps.map((step): [string, StepInterface] => [
    `deployment/${step.name}`,
    {
      flags: new Map(
        Object.entries(step.flags).map(([flag, { fallback }]) => [flag, fallback === undefined]),
      ),
      outputs: Object.keys(step.outputs),
    },
  ]),
  ...pythonSteps.map((step): [string, StepInterface] => [
    `training/${step.name}`,
    {
      flags: new Map(
        step.parameters.map((flag) => [flag.name, flag.default === undefined && flag.optional !== true]),
      ),
      outputs: step.outputs.map(({ name }) => name),
    },
  ]),
]);

it("every image has a command, and every pipeline a name of its own", () => {
  expect(Object.keys(stepImages)).toEqual(["training", "deployment", "benchmark"]);
  expect(new Set(pipelines.map(({ name }) => name)).size).toBe(pipelines.length);
});
