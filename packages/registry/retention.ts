/**
 * Which versions are kept, and the removal of the others. A version that the record names is never removed, whatever
 * else happens at the same time: the record says first, by a conditional write, up to which number versions are gone,
 * and stages none of them after that.
 */
import { listClaims } from "./claims.ts";
import { folders, servedName, versionPrefix } from "./keys.ts";
import { manifestKey, removeVersion } from "./manifest.ts";
import type { ObjectStore } from "./objectStore.ts";
import { isGone, type ModelRecord, wantedVersions } from "./record.ts";
import { changeRecord, readRecord } from "./records.ts";
import { type RecordState, sameSource } from "./transitions.ts";

export interface Retention {
  readonly model: string;
  /** How many versions are kept besides those that the record names: the newest. */
  readonly kept: number;
  /** Workflow and step, for people. */
  readonly actor: string;
}

/** Numbers of a model's versions. */
export interface Versions {
  /** Those whose upload is complete. */
  readonly complete: readonly number[];
  /** Those that were claimed for what is chosen for deployment: one of them may be on its way. */
  readonly chosen: readonly number[];
}

/**
 * Removes the versions of a model that are neither live, previous, candidate nor chosen for deployment, nor among the
 * newest `kept` others, nor newer than all that the record names: a deployment may be on its way there. Goes on with
 * what an earlier call has left half done. Claims stay, so that no number is used twice.
 *
 * @returns Served names of what was removed.
 */
export async function removeOldVersions(
  store: ObjectStore,
  { model, kept, actor }: Retention,
): Promise<string[]> {
  const record = (await readRecord(store, model))?.record;
  if (record === undefined) return [];
  const stored = await storedVersions(store, record);
  const claims = await listClaims(store, model);
  const complete = stored.filter((version) => version.complete).map(({ version }) => version);
  const change = (state: RecordState | undefined): RecordState | undefined => {
    const { intent } = state ?? {};
    const claimed = intent === undefined ? [] : claims.filter(({ claim }) => sameSource(intent, claim));
    return state && retire(state, { complete, chosen: claimed.map(({ version }) => version) }, kept);
  };
  const now = await changeRecord(store, { model, change, actor });
  const gone = stored.filter(({ version }) => now !== undefined && isLeft(now, version));
  for (const { prefix } of gone) await removeVersion(store, prefix);
  return gone.map(({ version }) => servedName(model, version));
}

/** Says that all versions but those to be kept are gone; pure, and never takes back what was said before. */
export function retire(state: RecordState, { complete, chosen }: Versions, kept: number): RecordState {
  const named = wantedVersions(state).map(({ version }) => version);
  const newestNamed = Math.max(0, ...named);
  const others = complete
    .filter((version) => version < newestNamed && !named.includes(version) && !chosen.includes(version))
    .toSorted((a, b) => b - a);
  const served = [state.live?.version, state.previous?.version];
  const staged = state.candidate === undefined ? [] : [state.candidate.version];
  const onTheirWay = [...staged, ...chosen].filter((version) => !served.includes(version));
  const through = Math.min(others[kept] ?? 0, ...onTheirWay.map((version) => version - 1));
  if (through <= (state.retiredThrough ?? 0)) return state;
  const { withdrawn, ...rest } = state;
  const newer = withdrawn?.filter((version) => version > through) ?? [];
  return { ...rest, retiredThrough: through, ...(newer.length === 0 ? {} : { withdrawn: newer }) };
}

/** Whether nothing but files is left of a version. */
function isLeft(record: ModelRecord, version: number): boolean {
  const isNamed = wantedVersions(record).some((named) => named.version === version);
  return isGone(record, version) && !isNamed;
}

interface StoredVersion {
  readonly version: number;
  readonly prefix: string;
  readonly complete: boolean;
}

/** Every version of which there is a file. */
async function storedVersions(
  store: ObjectStore,
  { model, server }: Pick<ModelRecord, "model" | "server">,
): Promise<StoredVersion[]> {
  const start = `${folders[server]}/${model}-v`;
  const listed = await store.list(start);
  const keys = new Set(listed.map(({ key }) => key));
  // A model of the name `<model>-v2` begins alike.
  const numbers = [...keys].flatMap((key) => /^([1-9]\d*)\//.exec(key.slice(start.length))?.[1] ?? []);
  return [...new Set(numbers)].map((number) => {
    const version = Number(number);
    const prefix = versionPrefix(server, servedName(model, version));
    return { version, prefix, complete: keys.has(manifestKey(prefix)) };
  });
}
