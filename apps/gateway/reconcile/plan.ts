/** What is to be done on one replica so that it holds what the records say; pure. */
import { type ModelRecord, type ServedVersion, wantedVersions } from "@mlops/registry";

export interface PlanArgs {
  /** Of this kind of server. */
  readonly records: readonly ModelRecord[];
  /** Versions that this replica holds; names of other form are somebody else's and are left alone. */
  readonly held: ReadonlySet<string>;
  /** Versions that this replica can hold. */
  readonly slots: number;
  /** Versions whose load failed and is not to be tried again yet: as candidates they keep no slot from others. */
  readonly resting: ReadonlySet<string>;
  /** Why a version must stay, by what the gateways say; undefined if nobody uses it any more. */
  readonly inUse: (model: string, epoch: number, servedName: string) => string | undefined;
}

export interface Plan {
  /** In the order of their weight: live versions first, then previous ones, then candidates. */
  readonly load: readonly ServedVersion[];
  readonly unload: readonly string[];
  /** What cannot be done now, and why. */
  readonly waiting: readonly { readonly servedName: string; readonly reason: string }[];
}

const ofAVersion = /^(.+)-v[1-9]\d*$/;

export function planReplica({ records, held, slots, resting, inUse }: PlanArgs): Plan {
  const wanted = restingLast(records, resting);
  const wantedNames = new Set(wanted.map(({ servedName }) => servedName));
  const waiting: { servedName: string; reason: string }[] = [];
  const unload: string[] = [];
  for (const servedName of held) {
    const model = ofAVersion.exec(servedName)?.[1];
    if (model === undefined || wantedNames.has(servedName)) continue;
    const epoch = records.find((record) => record.model === model)?.epoch ?? 0;
    const reason = inUse(model, epoch, servedName);
    if (reason === undefined) unload.push(servedName);
    else waiting.push({ servedName, reason: `stays loaded: ${reason}` });
  }
  // Slots become free once an unload has happened, not when it is planned.
  let free = slots - held.size;
  const load: ServedVersion[] = [];
  for (const version of wanted) {
    if (held.has(version.servedName)) continue;
    if (free-- > 0) load.push(version);
    else waiting.push({ servedName: version.servedName, reason: `all ${slots} slots are taken` });
  }
  return { load, unload, waiting };
}

/** By weight; but no number of broken candidates may keep a good one out. */
function restingLast(records: readonly ModelRecord[], resting: ReadonlySet<string>): ServedVersion[] {
  const wanted = wantedByWeight(records);
  const needed = new Set(records.flatMap(({ live, previous }) => [live?.servedName, previous?.servedName]));
  const isLast = ({ servedName }: ServedVersion): boolean =>
    resting.has(servedName) && !needed.has(servedName);
  return [...wanted.filter((version) => !isLast(version)), ...wanted.filter(isLast)];
}

/** What the records want, each once: live versions first, then previous ones, then candidates. */
export function wantedByWeight(records: readonly ModelRecord[]): ServedVersion[] {
  const roles = ["live", "previous", "candidate"] as const;
  const ordered = roles.flatMap((role) => records.flatMap((record) => record[role] ?? []));
  const wanted = new Set(records.flatMap(wantedVersions).map(({ servedName }) => servedName));
  return ordered.filter(({ servedName }) => wanted.delete(servedName));
}
