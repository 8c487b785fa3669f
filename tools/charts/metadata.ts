import { parse } from "yaml";
import { z } from "zod";
import type { ChartSpec } from "../../charts.ts";
import type { ChartFiles } from "./archive.ts";

const dependencies = z.array(z.object({ name: z.string(), version: z.string().optional() })).optional();
const chartYaml = z.object({ name: z.string(), version: z.string(), dependencies });
const requirementsYaml = z.object({ dependencies });

/** Name and version that the chart's own Chart.yaml states, or undefined where that cannot be read. */
export function identityOf(files: ChartFiles): { name: string; version: string } | undefined {
  const parsed = chartYaml.safeParse(yamlIn(files, "Chart.yaml"));
  return parsed.success ? { name: parsed.data.name, version: parsed.data.version } : undefined;
}

/**
 * What is wrong with a chart's files: another chart or version than the table pins, or a dependency
 * that is not in its charts/ folder (Helm refuses such a chart even when the dependency is disabled).
 */
export function chartProblems(files: ChartFiles, spec: Pick<ChartSpec, "chart" | "version">): string[] {
  const identity = identityOf(files);
  if (identity === undefined) return ["it has no readable Chart.yaml with name and version"];
  if (identity.name !== spec.chart || identity.version !== spec.version) {
    return [
      `its Chart.yaml says ${identity.name} ${identity.version}, charts.ts pins ${spec.chart} ${spec.version}`,
    ];
  }
  const missing = dependenciesOf(files).filter((name) => !hasSubchart(files, name));
  return missing.map((name) => `its dependency ${name} is not in its charts/ folder`);
}

function dependenciesOf(files: ChartFiles): string[] {
  const own = chartYaml.safeParse(yamlIn(files, "Chart.yaml"));
  // Charts of apiVersion v1 list them in a file of their own.
  const old = requirementsYaml.safeParse(yamlIn(files, "requirements.yaml"));
  const listed = [
    ...((own.success && own.data.dependencies) || []),
    ...((old.success && old.data.dependencies) || []),
  ];
  return [...new Set(listed.map(({ name }) => name))];
}

function hasSubchart(files: ChartFiles, name: string): boolean {
  if (files.has(`charts/${name}/Chart.yaml`)) return true;
  const prefix = `charts/${name}-`;
  return [...files.keys()].some(
    (path) => path.startsWith(prefix) && /^v?\d[^/]*\.tgz$/.test(path.slice(prefix.length)),
  );
}

function yamlIn(files: ChartFiles, path: string): unknown {
  try {
    return parse(files.get(path)?.toString("utf8") ?? "");
  } catch {
    return undefined;
  }
}
