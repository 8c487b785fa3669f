import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { charts } from "../../charts.ts";
import { rules } from "../../policy/rules/catalog.ts";
import { projectRoot } from "../lib/paths.ts";
import { trainingDir } from "./environment.ts";

/** One page of our documentation as the corpus of language models knows it: a subject and what is said of it. */
interface Page {
  /** Pages that say much the same belong to one document, so that they are never in two splits. */
  readonly document: string;
  readonly name: string;
  readonly facts: Readonly<Record<string, string>>;
}

interface Outline {
  readonly chart: string;
  readonly crds: readonly {
    group: string;
    kind: string;
    scope: string;
    shortNames?: readonly string[];
    versions: readonly { name: string; storage?: boolean }[];
  }[];
  readonly sizes: Readonly<Record<string, { workloads: readonly Workload[]; services: readonly unknown[] }>>;
}

interface Workload {
  readonly kind: string;
  readonly name: string;
  readonly replicas?: number;
  readonly serviceAccount?: string;
  readonly containers: readonly {
    name: string;
    requests?: Readonly<Record<string, string>>;
    limits?: Readonly<Record<string, string>>;
    ports?: readonly { name?: string; port: number }[];
  }[];
}

interface Toolchain {
  readonly tools: Readonly<
    Record<string, { group: string; version: string; onPath?: { range: string; args: readonly string[] } }>
  >;
}

interface Step {
  readonly name: string;
  readonly parameters: readonly {
    name: string;
    kind: string;
    default?: unknown;
    minimum?: number;
    maximum?: number;
    optional?: boolean;
    choices?: readonly string[];
  }[];
}

/** Where the corpus finds them. */
export const factsFile = join(trainingDir, "src", "mlops_training", "llm", "facts.json");

/**
 * What the project's own tables say, page by page: charts, what they create on each target at each size, and the
 * parameters of the training steps. A data set's version is a snapshot of it.
 */
export function documentedFacts(): readonly Page[] {
  const outlines = globSync("charts/outlines/**/*.json", { cwd: projectRoot })
    .sort()
    .map((file) => ({
      target: file.includes("/aws/") ? "aws" : "local",
      outline: readJson(file) as Outline,
    }));
  const pages = [
    ...chartPages(),
    ...outlines.flatMap(({ target, outline }) => workloadPages(target, outline)),
    ...outlines.flatMap(({ outline }) => resourcePages(outline)),
    ...rulePages(),
    ...toolPages(readJson("tools/toolchain/lock.json") as Toolchain),
    ...stepPages(readJson("training/steps.json") as Step[]),
  ];
  const byName = new Map(pages.map((page) => [page.name, page]));
  return [...byName.values()].filter(({ facts }) => Object.keys(facts).length >= 4);
}

function chartPages(): Page[] {
  return Object.values(charts).map((chart) => ({
    document: `chart ${chart.chart}`,
    name: `chart ${chart.chart}`,
    facts: known({
      version: chart.version,
      namespace: chart.namespace,
      timeout: `${chart.timeout} seconds`,
      prerequisite: chart.needs[0] ?? "none",
      digest: chart.digest.slice(0, 16),
      source: chart.repository.startsWith("oci:")
        ? "OCI registry"
        : chart.repository === "own"
          ? "own"
          : "repository",
    }),
  }));
}

function workloadPages(target: string, outline: Outline): Page[] {
  return Object.entries(outline.sizes).flatMap(([size, { workloads }]) =>
    workloads.map((workload) => {
      const [container] = workload.containers;
      return {
        document: `workload ${workload.name}`,
        name: `${workload.name} (${target}, ${size})`,
        facts: known({
          chart: outline.chart,
          target,
          size,
          kind: workload.kind,
          "replica count": workload.replicas,
          "service account": workload.serviceAccount,
          container: container?.name,
          "CPU request": container?.requests?.cpu,
          "memory request": container?.requests?.memory,
          "CPU limit": container?.limits?.cpu,
          "memory limit": container?.limits?.memory,
          port: container?.ports?.[0]?.port,
        }),
      };
    }),
  );
}

function resourcePages({ chart, crds }: Outline): Page[] {
  return crds.map((crd) => ({
    document: `resource ${crd.kind}`,
    name: `resource ${crd.kind}`,
    facts: known({
      chart,
      group: crd.group,
      scope: crd.scope,
      "short name": crd.shortNames?.[0],
      "version count": crd.versions.length,
      "stored version": crd.versions.find(({ storage }) => storage)?.name,
    }),
  }));
}

function stepPages(steps: readonly Step[]): Page[] {
  return steps.flatMap(({ name: step, parameters }) =>
    parameters.map((parameter) => ({
      document: `parameter ${parameter.name}`,
      name: `${step} --${parameter.name}`,
      facts: known({
        step,
        parameter: parameter.name,
        "value type": parameter.kind,
        "default value": shortText(parameter.default),
        "smallest value": parameter.minimum,
        "largest value": parameter.maximum,
        presence: parameter.optional || parameter.default !== undefined ? "optional" : "required",
        "first choice": parameter.choices?.[0],
      }),
    })),
  );
}

function rulePages(): Page[] {
  return rules.map((rule) => ({
    document: `rule ${rule.name}`,
    name: `rule ${rule.name}`,
    facts: known({
      level: rule.level,
      target: rule.target,
      remediation: rule.remediate === undefined ? "none" : "automatic",
      "resource types": rule.types.length,
      "first setting": Object.keys(rule.configSchema.properties)[0] ?? "none",
    }),
  }));
}

function toolPages({ tools }: Toolchain): Page[] {
  return Object.entries(tools).map(([tool, { group, version, onPath }]) => ({
    document: `tool ${tool}`,
    name: `tool ${tool}`,
    facts: known({
      version,
      group,
      "command argument": onPath?.args[0],
      "smallest version": onPath?.range.split(" ")[0]?.replace(">=", ""),
      "version limit": onPath?.range.split(" ")[1]?.replace("<", ""),
    }),
  }));
}

function shortText(value: unknown): string | undefined {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === undefined || text.length > 40 || text.length === 0 ? undefined : text;
}

function known(facts: Readonly<Record<string, string | number | undefined>>): Record<string, string> {
  const entries = Object.entries(facts).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(entries.map(([attribute, value]) => [attribute, String(value)]));
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(projectRoot, file), "utf8"));
}
