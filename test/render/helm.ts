import { spawnSync } from "node:child_process";
import { parseAllDocuments } from "yaml";

export interface Rendered {
  readonly ok: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: Kubernetes objects of several kinds
  readonly objects: readonly any[];
  readonly error: string;
}

/** @throws Error where there is no helm. */
export function helm(
  args: readonly string[],
  input = "",
): { status: number | null; stdout: string; stderr: string } {
  const result = spawnSync("helm", [...args], { input, encoding: "utf8" });
  if (result.error !== undefined) {
    throw new Error(`helm cannot be run (${result.error.message}); put it on PATH, e.g. by sourcing ./env`);
  }
  return result;
}

/** What a release of a chart of ours, named as its folder, would install. */
export function render(chart: string, namespace: string, values: object): Rendered {
  const name = chart.split("/").at(-1) ?? "";
  const { status, stdout, stderr } = helm(
    ["template", name, chart, "--namespace", namespace, "--values", "-"],
    JSON.stringify(values),
  );
  const objects = status === 0 ? parseAllDocuments(stdout).map((document) => document.toJS()) : [];
  return { ok: status === 0, objects: objects.filter((object) => object !== null), error: stderr };
}
