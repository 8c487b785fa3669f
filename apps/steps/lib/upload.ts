import { type ManifestFile, sumOf } from "@mlops/registry";
import type { StepContext } from "./context.ts";

/**
 * Writes an object that never changes. What is there already is left if it is the same.
 *
 * @throws Error if there is other content under this key.
 */
export async function putImmutable(context: StepContext, key: string, content: Uint8Array): Promise<void> {
  const { registry } = context;
  if ((await registry.put(key, content, { absent: true })) !== undefined) return;
  const existing = await registry.get(key);
  if (existing === undefined) throw new Error(`${key} was removed at this very moment; run this again`);
  if (sumOf(existing.body) === sumOf(content)) return;
  throw new Error(
    `${key} in ${registry.description} holds other content; a version never changes: run withdraw for it, then this again`,
  );
}

/** Entry of a file in a manifest. */
export function fileEntry(path: string, content: Uint8Array): ManifestFile {
  return { path, size: content.length, sha256: sumOf(content) };
}
