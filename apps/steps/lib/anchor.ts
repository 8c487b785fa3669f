/**
 * The anchor of a model: a fixed earlier load measurement, `anchors/<model>.json` in the model-registry bucket. Measured
 * against live alone, small losses would add up unseen from version to version.
 */
import { type WrittenAnchor, writtenAnchor } from "@mlops/gates";
import { formatJson, type ObjectStore, parseJson } from "@mlops/registry";
import { z } from "zod";
import type { StepContext } from "./context.ts";

const storedAnchor = z.object({
  schemaVersion: z.literal(1),
  /** Version that was measured. */
  servedName: z.string().min(1),
  at: z.iso.datetime(),
  by: z.string(),
  anchor: writtenAnchor,
});

function keyOf(model: string): string {
  return `anchors/${model}.json`;
}

/** The anchor of a model, and the version that it was measured on; undefined if none is fixed. */
export async function anchorOf(
  store: ObjectStore,
  model: string,
): Promise<{ readonly servedName: string; readonly anchor: WrittenAnchor } | undefined> {
  const found = await store.get(keyOf(model));
  if (found === undefined) return undefined;
  return parseJson(found.body, storedAnchor, `${keyOf(model)} in ${store.description}`);
}

/**
 * Fixes an anchor.
 *
 * @param replace Whether an anchor that is there gives way: only a person decides that.
 * @returns Whether this one is the anchor now.
 */
export async function fixAnchor(
  context: StepContext,
  model: string,
  { servedName, anchor }: { readonly servedName: string; readonly anchor: WrittenAnchor },
  { replace }: { readonly replace: boolean },
): Promise<boolean> {
  const content = {
    schemaVersion: 1,
    servedName,
    at: new Date().toISOString(),
    by: context.actor,
    anchor,
  };
  const written = await context.registry.put(
    keyOf(model),
    formatJson(content),
    replace ? undefined : { absent: true },
  );
  if (written !== undefined) return true;
  // A repeated write may find its first attempt.
  return (await anchorOf(context.registry, model))?.servedName === servedName;
}
