import { checkManifest } from "../manifests/findings.ts";
import type { Manifest } from "../manifests/parseManifests.ts";
import type { Report } from "../manifests/report.ts";
import { objectsOf } from "../rules/evaluate.ts";
import { formatPath } from "../rules/json.ts";
import type { Context } from "../rules/types.ts";
import { applyExceptions, type Exception, type StaleException } from "./exceptions.ts";

/** A chart as `helm template` renders it with the values of a stack. */
export interface RenderedChart {
  readonly chart: string;
  /** Namespace of the release: most charts leave it out of their objects. */
  readonly namespace: string;
  readonly manifests: readonly Manifest[];
  /** Where it is from, for messages. */
  readonly file: string;
}

/** The exceptions file, checked, and a way back to its lines. */
export interface ExceptionsFile {
  readonly file: string;
  readonly exceptions: readonly Exception[];
  readonly locate: Manifest["locate"];
}

/** Rules about the exceptions themselves. */
export const exceptionRules = [
  { name: "exception-expired", description: "No exception outlives its last day.", level: "mandatory" },
  { name: "exception-unused", description: "No exception is kept that nothing needs.", level: "mandatory" },
] as const;

/**
 * Judges every object of rendered charts, lets excepted findings through, and reports exceptions that are
 * expired or unused. Pure: the date is given.
 * @param today as YYYY-MM-DD
 */
export function checkCharts(
  charts: readonly RenderedChart[],
  { file, exceptions, locate }: ExceptionsFile,
  context: Context,
  today: string,
): Report {
  const found = charts.flatMap((rendered) =>
    rendered.manifests
      .flatMap((manifest) => checkManifest(rendered.file, manifest, context, rendered.namespace))
      .map((finding) => ({ ...finding, chart: rendered.chart })),
  );
  const names = charts.map(({ chart }) => chart);
  const { findings, stale } = applyExceptions(found, exceptions, context, names, today);
  return {
    findings: [...findings, ...stale.map((exception) => toFinding(exception, file, locate))],
    unreadable: [],
    objects: charts.flatMap(({ manifests }) => manifests.flatMap(({ value }) => objectsOf(value))).length,
  };
}

function toFinding({ index, rule, message, fix }: StaleException, file: string, locate: Manifest["locate"]) {
  const path = formatPath(["exceptions", index]);
  const object = `exception ${index + 1}`;
  const about = { file, object, objectName: object, path, ...locate(path) };
  return { kind: "violation", level: "mandatory", rule, message, fix, ...about } as const;
}
