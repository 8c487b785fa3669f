import { createHash } from "node:crypto";
import { z } from "zod";
import { formatJson, parseJson } from "./json.ts";
import type { ObjectStore } from "./objectStore.ts";
import { sha256, source } from "./record.ts";

const tensor = z.strictObject({
  name: z.string().min(1),
  dtype: z.string().min(1),
  shape: z.array(z.int()).readonly(),
});
const tensors = z.array(tensor).readonly();

/**
 * `manifest.json` of a version: written last and never changed. A version without it does not exist for any
 * reader. It holds no time and no host, so that whoever writes it again writes the same bytes.
 */
export const manifest = z.strictObject({
  schemaVersion: z.literal(1),
  servedName: z.string().min(1),
  /** Every file below the version's prefix but the manifest, sorted by path. */
  files: z.array(
    z.strictObject({
      path: z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/, "must stay below the version's folder"),
      /** Bytes. */
      size: z.int().nonnegative(),
      sha256,
    }),
  ),
  source,
  /** Inputs and outputs of a Triton model, with NumPy's names of element types; absent for an adapter. */
  signature: z.strictObject({ inputs: tensors, outputs: tensors }).optional(),
});
export type Manifest = z.infer<typeof manifest>;
export type ManifestFile = Manifest["files"][number];

export interface ReadManifest {
  readonly manifest: Manifest;
  /** SHA-256 of the manifest's bytes: the version's identity in a record. */
  readonly sha256: string;
  /** The bytes as they are stored. */
  readonly body: Uint8Array;
}

export function manifestKey(prefix: string): string {
  return `${prefix}/manifest.json`;
}

/**
 * The manifest below `prefix`, or undefined: then the version is not complete and does not exist.
 *
 * @throws Error if what is stored is not a manifest of this version.
 */
export async function readManifest(store: ObjectStore, prefix: string): Promise<ReadManifest | undefined> {
  const found = await store.get(manifestKey(prefix));
  if (found === undefined) return undefined;
  const content = parseJson(found.body, manifest, `${manifestKey(prefix)} in ${store.description}`);
  return { manifest: content, sha256: sumOf(found.body), body: found.body };
}

/**
 * Completes a version, whose files are all there, by its manifest.
 *
 * @returns SHA-256 of the manifest.
 * @throws Error if there is another manifest already: versions never change.
 */
export async function writeManifest(store: ObjectStore, prefix: string, content: Manifest): Promise<string> {
  const files = content.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const body = formatJson(manifest.parse({ ...content, files }));
  const sum = sumOf(body);
  if ((await store.put(manifestKey(prefix), body, { absent: true })) !== undefined) return sum;
  const existing = await readManifest(store, prefix);
  if (existing?.sha256 === sum) return sum;
  if (existing === undefined) throw new Error(`${prefix} was removed at this very moment; run this again`);
  throw new Error(
    `${prefix} is complete with other content; a version never changes: deploy under a new version number`,
  );
}

/**
 * Removes a version, or what is left of it: the manifest first, so that no reader ever sees half of one.
 *
 * @returns how many files beside the manifest there were.
 */
export async function removeVersion(store: ObjectStore, prefix: string): Promise<number> {
  await store.remove(manifestKey(prefix));
  const left = await store.list(`${prefix}/`);
  for (const { key } of left) await store.remove(key);
  return left.length;
}

/** Lower-case hexadecimal SHA-256 of `content`. */
export function sumOf(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}
