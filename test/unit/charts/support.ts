import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { ChartSpec } from "../../../charts.ts";
import { type ChartFiles, writeArchive } from "../../../tools/charts/archive.ts";
import type { Outline, OutlineContents } from "../../../tools/charts/outline.ts";

/** A folder of its own for one test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mlops-charts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function chartSpec(over: Partial<ChartSpec> = {}): ChartSpec {
  return {
    chart: "tiny",
    repository: "https://charts.example.test",
    version: "1.2.3",
    digest: "unverified",
    namespace: "tiny",
    timeout: 60,
    needs: [],
    ...over,
  };
}

/** The files of a chart with one template. */
export function chartFiles(
  over: { name?: string; version?: string; body?: string; chartYaml?: string } = {},
): ChartFiles {
  const { name = "tiny", version = "1.2.3", body = "a", chartYaml = "" } = over;
  const template = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tiny}\ndata: {body: ${body}}\n`;
  return new Map([
    ["Chart.yaml", Buffer.from(`apiVersion: v2\nname: ${name}\nversion: ${version}\n${chartYaml}`)],
    ["templates/config.yaml", Buffer.from(template)],
  ]);
}

export function chartArchive(over: Parameters<typeof chartFiles>[0] = {}): Buffer {
  return writeArchive(over.name ?? "tiny", chartFiles(over));
}

export function writeFile(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

export function writeFolder(folder: string, files: ChartFiles): void {
  for (const [path, content] of files) writeFile(join(folder, path), content);
}

export const noContents: OutlineContents = {
  workloads: [],
  services: [],
  claims: [],
  ingresses: [],
  serviceAccounts: [],
};

export function outlineWith(small: Partial<OutlineContents>, over: Partial<Outline> = {}): Outline {
  return {
    chart: "tiny",
    version: "1.2.3",
    crds: [],
    sizes: { small: { ...noContents, ...small }, production: noContents },
    ...over,
  };
}
