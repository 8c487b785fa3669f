import { randomUUID } from "node:crypto";
import { z } from "zod";
import { formatJson, parseJson } from "./json.ts";
import { keys } from "./keys.ts";
import type { ObjectStore } from "./objectStore.ts";
import { type GoneVersions, isGone, sha256, source } from "./record.ts";

/** `versions/<model>/<n>`: says for ever what version n of a model is made from. */
export const claim = z.strictObject({
  schemaVersion: z.literal(1),
  nonce: z.uuid(),
  source,
  /** Of the file that the gates judged. */
  sha256,
  /** How the version's files are made from it, e.g. for which backend: another way is another version. */
  format: z.string().min(1),
  at: z.iso.datetime(),
  by: z.string(),
});
export type Claim = z.infer<typeof claim>;

/** What makes two claims the same: their versions have the same files. */
export type Origin = Pick<Claim, "source" | "sha256" | "format">;

/** Others may claim first this often before it is given up. */
const MAXIMUM_ATTEMPTS = 100;

/**
 * The version number of `origin`: the one that it has, or the next one. Of claimants at the same time every
 * one gets a number of its own, unless their origin is the same.
 *
 * @param gone Of the record: origins of these versions get new ones.
 */
export async function claimVersion(
  store: ObjectStore,
  model: string,
  origin: Origin,
  by: string,
  gone: GoneVersions,
): Promise<number> {
  const claimed = await listClaims(store, model);
  const own = claimed.find(({ version, claim }) => !isGone(gone, version) && sameOrigin(claim, origin));
  if (own !== undefined) return own.version;
  const first = Math.max(0, ...claimed.map(({ version }) => version)) + 1;
  for (let version = first; version < first + MAXIMUM_ATTEMPTS; version++) {
    const content: Claim = {
      schemaVersion: 1,
      nonce: randomUUID(),
      ...origin,
      at: new Date().toISOString(),
      by,
    };
    const body = formatJson(content);
    if ((await store.put(keys.claim(model, version), body, { absent: true })) !== undefined) return version;
    // Taken: by another origin, by another run of this one, or by a first attempt whose answer was lost.
    const taken = await readClaim(store, model, version);
    if (taken !== undefined && sameOrigin(taken, origin)) return version;
  }
  throw new Error(`${model}: ${MAXIMUM_ATTEMPTS} other versions were claimed meanwhile; run this again`);
}

/**
 * What version `version` of `model` is made from; undefined if nobody has claimed it.
 *
 * @throws Error if what is stored is not a claim of this version.
 */
export async function readClaim(
  store: ObjectStore,
  model: string,
  version: number,
): Promise<Claim | undefined> {
  const key = keys.claim(model, version);
  const found = await store.get(key);
  if (found === undefined) return undefined;
  return parseJson(found.body, claim, `claim ${key} in ${store.description}`);
}

/** All claims of a model, by version. */
export async function listClaims(
  store: ObjectStore,
  model: string,
): Promise<{ version: number; claim: Claim }[]> {
  const objects = await store.list(keys.claims(model));
  const versions = objects
    .map(({ key }) => Number(key.slice(keys.claims(model).length)))
    .filter((version) => Number.isInteger(version) && version > 0);
  const found = await Promise.all(
    versions.map(async (version) => ({ version, claim: await readClaim(store, model, version) })),
  );
  return found.filter((entry) => entry.claim !== undefined) as { version: number; claim: Claim }[];
}

function sameOrigin(a: Origin, b: Origin): boolean {
  return (
    a.sha256 === b.sha256 &&
    a.format === b.format &&
    a.source.runId === b.source.runId &&
    a.source.registeredModel === b.source.registeredModel &&
    a.source.registeredVersion === b.source.registeredVersion
  );
}
