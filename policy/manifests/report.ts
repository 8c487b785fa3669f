import { blocks } from "../rules/evaluate.ts";
import type { ManifestFinding } from "./findings.ts";

/** What a door has to tell after looking at everything. */
export interface Report {
  readonly findings: readonly ManifestFinding[];
  /** Files that could not be judged, and why. */
  readonly unreadable: readonly { readonly file: string; readonly message: string }[];
  /** Objects judged. */
  readonly objects: number;
}

/** How much a finding matters: `error` fails the check. */
export type Severity = "error" | "advice" | "deferred";

export function severityOf(finding: ManifestFinding): Severity {
  if (finding.kind === "deferred") return "deferred";
  return blocks(finding) ? "error" : "advice";
}

/** Counts findings by severity. */
export function countFindings(findings: readonly ManifestFinding[]): Record<Severity, number> {
  const counts = { error: 0, advice: 0, deferred: 0 };
  for (const finding of findings) counts[severityOf(finding)] += 1;
  return counts;
}
