/**
 * The state record of one served model: `state/<model>.json` in the model-registry bucket.
 *
 * It is the only truth about what serves. It changes by conditional PUT alone; every change raises `epoch`
 * by one and draws a new `nonce`, by which a writer whose answer was lost recognises its own write.
 */
import { z } from "zod";

/** Lower-case hexadecimal SHA-256. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime();

/** Which server holds a model's versions: Triton loads models, vLLM loads LoRA adapters on one base model. */
export const servers = ["triton", "vllm"] as const;
export type Server = (typeof servers)[number];

/** Where a version came from: MLflow's run and registered version. */
export const source = z.strictObject({
  runId: z.string().min(1),
  registeredModel: z.string().min(1),
  registeredVersion: z.string().min(1),
});
export type Source = z.infer<typeof source>;

/** One immutable version that servers can load. */
export const servedVersion = z.strictObject({
  /** Counts up from 1 in each model; claimed once, never used again. */
  version: z.int().positive(),
  /** Name under which servers load it, unique per version: `<model>-v<version>`. */
  servedName: z.string().min(1),
  artifact: z.strictObject({
    /** Prefix in the model-registry bucket, without a slash at its end, e.g. `triton/digits-v3`. */
    prefix: z.string().min(1),
    /** Of the manifest, which lists the SHA-256 of every file: it stands for the whole version. */
    sha256,
  }),
  source,
  /** The base model's exact name and revision, for adapters. */
  base: z.strictObject({ model: z.string(), revision: z.string() }).optional(),
});
export type ServedVersion = z.infer<typeof servedVersion>;

/** That a gate was passed by exactly this artifact. */
export const evidence = z.strictObject({
  gate: z.string().min(1),
  artifactSha256: sha256,
  /** Version it was compared with; absent for the first model, which has no opponent. */
  against: z.int().positive().optional(),
  /** Where the gate's JSON artifact is kept, and its SHA-256. */
  report: z.strictObject({ uri: z.string(), sha256 }),
  at: instant,
});
export type Evidence = z.infer<typeof evidence>;

/** What passed the gates of training and is to be deployed next. */
export const intent = z.strictObject({
  source,
  /** Of the file that the gates judged: the ONNX model, or an adapter's weights. */
  sha256,
  /** Bound to that file; `stage` binds it to the manifest that lists the file. */
  evidence: z.array(evidence),
});
export type Intent = z.infer<typeof intent>;

/** One past change: for people, and for a writer to find its own write under later ones. */
export const change = z.strictObject({
  epoch: z.int().positive(),
  nonce: z.uuid(),
  at: instant,
  by: z.string(),
});

export const modelRecord = z.strictObject({
  schemaVersion: z.literal(1),
  /** The stable name that clients ask. */
  model: z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
  server: z.enum(servers),
  epoch: z.int().positive(),
  nonce: z.uuid(),
  /** What the stable name (and `<model>-live`) resolves to. */
  live: servedVersion.optional(),
  /** What `live` was before; stays loaded, for a rollback in seconds. */
  previous: servedVersion.optional(),
  /** Loaded on every replica and reachable as `<model>-candidate` only. */
  candidate: servedVersion.optional(),
  /** Share of live traffic that `candidate` gets in a canary, from 0 to 1; absent means none. */
  canaryShare: z.number().min(0).max(1).optional(),
  intent: intent.optional(),
  /** Versions up to this number that the record does not name are removed for good, and never staged again. */
  retiredThrough: z.int().positive().optional(),
  /** Newer versions that were taken back, which are removed for good and never staged again, either. */
  withdrawn: z.array(z.int().positive()).optional(),
  /** Of the gates that `live`, `previous` and `candidate` have passed. */
  evidence: z.array(evidence),
  updatedAt: instant,
  /** Who wrote it: the workflow and step, for people. */
  updatedBy: z.string(),
  /** The latest changes, newest first, this one included. */
  history: z.array(change).optional(),
});
export type ModelRecord = z.infer<typeof modelRecord>;

/** What a record says of versions that are gone. */
export type GoneVersions = Pick<ModelRecord, "retiredThrough" | "withdrawn">;

/** Whether a version's files are removed, or may be at any time. */
export function isGone(record: GoneVersions, version: number): boolean {
  return version <= (record.retiredThrough ?? 0) || (record.withdrawn ?? []).includes(version);
}

/** Every version that a serving replica must hold for this record, without repetition. */
export function wantedVersions(
  record: Pick<ModelRecord, "live" | "previous" | "candidate">,
): ServedVersion[] {
  const wanted = [record.live, record.previous, record.candidate].filter((version) => version !== undefined);
  return [...new Map(wanted.map((version) => [version.servedName, version])).values()];
}
