import { z } from "zod";
import { datasetReference, modelReference, sha256 } from "./measurements.ts";
import type { Decision } from "./verdict.ts";

/** What a gate logs: one JSON artifact from which its decision can be repeated. */
export const gateReport = z.object({
  schemaVersion: z.literal(1),
  gate: z.string().min(1),
  verdict: z.enum(["passed", "failed", "inconclusive"]),
  checks: z.array(
    z.object({
      name: z.string(),
      verdict: z.enum(["passed", "failed", "inconclusive"]),
      because: z.string(),
    }),
  ),
  numbers: z.record(z.string(), z.number().nullable()),
  thresholds: z.record(z.string(), z.number()),
  /** The model that was judged. */
  model: modelReference,
  /** SHA-256 of what the decision is about, if it is not the registered model itself. */
  artifactSha256: sha256.optional(),
  /** Served version that it was compared with; absent if there was none. */
  against: z.int().positive().optional(),
  dataset: datasetReference,
  at: z.iso.datetime(),
  /** The measurement, whole. */
  measurement: z.unknown(),
});
export type GateReport = z.infer<typeof gateReport>;

/** A decision and what it is about, as it is logged. */
export function formatReport(
  subject: Omit<GateReport, "schemaVersion" | keyof Decision>,
  decision: Decision,
): GateReport {
  return gateReport.parse({ schemaVersion: 1, ...decision, ...subject });
}
