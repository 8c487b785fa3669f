import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ChartSpec } from "../../charts.ts";
import { type ChartFiles, readArchive } from "./archive.ts";
import { hashOf, readChartFolder, sha256 } from "./files.ts";
import { identityOf } from "./metadata.ts";

/** A chart on disk, read far enough to know whether it changed; `files` unpacks it. */
export interface LocalChart {
  readonly path: string;
  /** Changes whenever the content does. */
  readonly contentHash: string;
  /** The archive as it lies there; absent for an unpacked folder, whose digest nobody can check. */
  readonly archive?: Buffer;
  /** @throws ArchiveError when the archive is damaged. */
  readonly files: () => ChartFiles;
}

/** A chart in another version than the one that was looked for. */
export interface OtherVersion {
  readonly version: string;
  readonly path: string;
}

export type FolderLookup =
  | { readonly chart: LocalChart }
  /** Somebody unpacked another version there by hand. */
  | { readonly unpackedOther: OtherVersion }
  /** Nothing but archives of other versions, as an earlier `make charts` leaves them; or nothing. */
  | { readonly otherArchives: readonly OtherVersion[] };

/** Name of a chart's archive, as `helm pull` and `helm package` call it. */
export function archiveName(spec: Pick<ChartSpec, "chart" | "version">): string {
  return `${spec.chart}-${spec.version}.tgz`;
}

/**
 * Looks for a chart in the charts folder: `<chart>-<version>.tgz`, else an unpacked folder
 * `<chart>-<version>/` or `<chart>/` whose Chart.yaml states the exact version.
 */
export function findInFolder(chartsDir: string, spec: Pick<ChartSpec, "chart" | "version">): FolderLookup {
  const archive = join(chartsDir, archiveName(spec));
  if (existsSync(archive)) return { chart: openArchive(archive) };
  const folders = [`${spec.chart}-${spec.version}`, spec.chart].map((name) => join(chartsDir, name));
  const unpacked = folders
    .filter((path) => existsSync(join(path, "Chart.yaml")))
    .map((path) => ({ path, chart: openFolder(path) }))
    .map((found) => ({ ...found, version: identityOf(found.chart.files())?.version ?? "unknown" }));
  const right = unpacked.find(({ version }) => version === spec.version);
  if (right !== undefined) return { chart: right.chart };
  const [other] = unpacked;
  if (other !== undefined) return { unpackedOther: { version: other.version, path: other.path } };
  return { otherArchives: otherArchives(chartsDir, spec.chart) };
}

/** A chart archive by its path. */
export function openArchive(path: string): LocalChart {
  const archive = readFileSync(path);
  return { path, archive, contentHash: sha256(archive), files: () => readArchive(archive) };
}

/** An unpacked chart by its path. */
export function openFolder(path: string): LocalChart {
  const files = readChartFolder(path);
  return { path, contentHash: hashOf(files), files: () => files };
}

function otherArchives(chartsDir: string, chart: string): OtherVersion[] {
  if (!existsSync(chartsDir)) return [];
  return readdirSync(chartsDir)
    .filter((name) => name.startsWith(`${chart}-`))
    .flatMap((name) => {
      const version = /^(v?\d.*)\.tgz$/.exec(name.slice(chart.length + 1))?.[1];
      return version === undefined ? [] : [{ version, path: join(chartsDir, name) }];
    });
}
