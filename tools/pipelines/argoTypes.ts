/**
 * Makes pipelines/argo/schema.json and pipelines/argo/types.ts from Argo Workflows' own JSON schema:
 * `node tools/pipelines/argoTypes.ts [SCHEMA]`.
 *
 * Without an argument the schema comes from Argo's Go module, whose checksum is compared. The newest that the
 * module proxy serves is v3.7.2, so what v4 changed in the objects that pipelines compile to is stated below; given
 * the schema.json of a v4 checkout, the same files come out of that.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { projectRoot } from "../lib/paths.ts";

const argo = { module: "github.com/argoproj/argo-workflows/v3", version: "v3.7.2" } as const;
const checksum = "h1:Fi6j0q2sCg6cfkntKde5KA+TfJgMrq1MzJCmOESlWNw=";
const roots = ["WorkflowTemplate", "CronWorkflow", "Workflow"] as const;

/** Fields that v4 no longer has, by definition. */
const removedInV4: Readonly<Record<string, readonly string[]>> = {
  CronWorkflowSpec: ["schedule"],
  Synchronization: ["mutex", "semaphore"],
};
const requiredInV4: Readonly<Record<string, readonly string[]>> = {
  CronWorkflowSpec: ["workflowSpec", "schedules"],
};
/** What only the controller writes, and what v4 added for plugins that pipelines here do not use. */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  Workflow: ["status"],
  CronWorkflow: ["status"],
  Artifact: ["plugin"],
  ArtifactPaths: ["plugin"],
  ArtifactLocation: ["plugin"],
  ArtifactRepository: ["plugin"],
  // Changed in v4; every run here is meant to run.
  Template: ["memoize"],
};

interface Definition {
  description?: string;
  properties?: Record<string, unknown>;
  required?: readonly string[];
}
type Definitions = Record<string, Definition>;

const reference = /^#\/definitions\/(.+)$/;

/** The schema's text, from a file or from the Go module. */
function readSchema(file: string | undefined): string {
  if (file !== undefined) return readFileSync(file, "utf8");
  const folder = mkdtempSync(join(tmpdir(), "argo-schema-"));
  try {
    writeFileSync(join(folder, "go.mod"), "module schema\n");
    const args = ["mod", "download", "-json", `${argo.module}@${argo.version}`];
    const downloaded = JSON.parse(execFileSync("go", args, { cwd: folder, encoding: "utf8" })) as {
      Dir: string;
      Sum: string;
    };
    if (downloaded.Sum !== checksum) {
      throw new Error(`${argo.module}@${argo.version} has checksum ${downloaded.Sum}, not ${checksum}`);
    }
    return readFileSync(join(downloaded.Dir, "api", "jsonschema", "schema.json"), "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Rewrites every reference in `value` to short names, and drops descriptions. */
function shorten(value: unknown, isProperties = false): unknown {
  if (Array.isArray(value)) return value.map((element) => shorten(element));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      // A property may be called `description`; a description is text.
      .filter(([key]) => isProperties || (key !== "description" && !key.startsWith("x-kubernetes-")))
      .map(([key, child]) => [
        key,
        key === "$ref" && typeof child === "string"
          ? `#/definitions/${shortName(reference.exec(child)?.[1] ?? child)}`
          : shorten(child, key === "properties" && !isProperties),
      ]),
  );
}

/** `io.argoproj.workflow.v1alpha1.Template` is Template; the one name that Kubernetes has too is told apart. */
function shortName(name: string): string {
  if (name === "io.k8s.api.core.v1.HTTPHeader") return "ProbeHTTPHeader";
  return name.split(".").at(-1) ?? name;
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    key === "$ref" && typeof child === "string" ? [reference.exec(child)?.[1] ?? ""] : referencesIn(child),
  );
}

/** Applies v4's changes, so that what follows sees one version only. */
function toV4(definitions: Definitions): Definitions {
  return Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => {
      const gone = new Set([...(removedInV4[name] ?? []), ...(leftOut[name] ?? [])]);
      const required = requiredInV4[name] ?? definition.required;
      const changed: Definition = { ...definition };
      if (definition.properties !== undefined) {
        changed.properties = Object.fromEntries(
          Object.entries(definition.properties).filter(([property]) => !gone.has(property)),
        );
      }
      if (required !== undefined) changed.required = [...required].sort();
      return [name, changed];
    }),
  );
}

function reachable(definitions: Definitions): Definitions {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    referencesIn(definitions[name]).forEach(visit);
  };
  roots.forEach(visit);
  return Object.fromEntries([...found].sort().map((name) => [name, definitions[name] ?? {}]));
}

/** Short names of all definitions that the roots reach; two of the same short name would be an error. */
function trim(text: string): Definitions {
  const all = (JSON.parse(text) as { definitions: Definitions }).definitions;
  const wanted = Object.entries(all).filter(([name]) => /^io\.(argoproj\.workflow|k8s)\./.test(name));
  const short: Definitions = {};
  const from = new Map<string, string>();
  for (const [name, definition] of wanted) {
    const key = shortName(name);
    from.set(key, `${from.get(key) ?? ""} ${name}`);
    short[key] = shorten(definition) as Definition;
  }
  const trimmed = reachable(toV4(short));
  const ambiguous = Object.keys(trimmed).filter((key) => (from.get(key)?.trim().split(" ").length ?? 0) > 1);
  if (ambiguous.length > 0) {
    throw new Error(`ambiguous names: ${ambiguous.map((key) => from.get(key)).join(";")}`);
  }
  return trimmed;
}

const folder = join(projectRoot, "pipelines", "argo");
const definitions = trim(readSchema(process.argv[2]));
const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $comment: "Made by tools/pipelines/argoTypes.ts from Argo Workflows' schema, Apache License 2.0",
  definitions,
};
writeFileSync(join(folder, "schema.json"), `${JSON.stringify(schema)}\n`);

const root: JSONSchema = {
  title: "ArgoObject",
  oneOf: roots.map((name) => ({ $ref: `#/definitions/${name}` })),
  definitions: definitions as JSONSchema["definitions"],
} as JSONSchema;
const types = await compile(root, "ArgoObject", {
  additionalProperties: false,
  bannerComment:
    "/* Made by tools/pipelines/argoTypes.ts from Argo Workflows' JSON schema (Apache License 2.0): do not edit. */",
  unreachableDefinitions: false,
});
// To TypeScript `{}` is anything at all, and to the schema an object without fields.
const strict = types
  .replaceAll(/export interface (\w+) \{\}/g, "export type $1 = Record<string, never>;")
  .replaceAll(/: \{\};/g, ": Record<string, never>;");
writeFileSync(join(folder, "types.ts"), strict);
const biome = join(projectRoot, "node_modules", ".bin", "biome");
execFileSync(biome, ["format", "--write", join(folder, "schema.json"), join(folder, "types.ts")], {
  cwd: projectRoot,
});
