import { randomUUID } from "node:crypto";
import { formatJson, parseJson } from "./json.ts";
import { keys } from "./keys.ts";
import type { ObjectStore } from "./objectStore.ts";
import { type ModelRecord, modelRecord } from "./record.ts";
import { type RecordState, RefusedError } from "./transitions.ts";

/** Changes that a record remembers; a writer must be able to find its own under those of others. */
const HISTORY = 20;
/** Other writers may come first this often before a change gives up. */
const MAXIMUM_ATTEMPTS = 20;

export interface ReadRecord {
  readonly record: ModelRecord;
  readonly etag: string;
}

/**
 * The record of `model`, or undefined if nothing was ever approved under that name.
 *
 * @throws Error if what is stored is not a record of this version.
 */
export async function readRecord(store: ObjectStore, model: string): Promise<ReadRecord | undefined> {
  const key = keys.record(model);
  const found = await store.get(key);
  if (found === undefined) return undefined;
  const record = parseJson(found.body, modelRecord, `record ${key} in ${store.description}`);
  return { record, etag: found.etag };
}

/** Names of all models that have a record, in order. */
export async function listModels(store: ObjectStore): Promise<string[]> {
  const objects = await store.list(keys.records);
  return objects
    .map(({ key }) => key.slice(keys.records.length))
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length));
}

export interface ChangeRequest {
  readonly model: string;
  /** The change is refused if the record is at another epoch; undefined takes it as it is found. */
  readonly expectedEpoch?: number | undefined;
  /** Pure; may be called again on a newer state. Returns the state that it was given to change nothing. */
  readonly change: (state: RecordState | undefined) => RecordState | undefined;
  /** Workflow and step, for people. */
  readonly actor: string;
}

/**
 * Changes a model's record, or leaves it. Of writers at the same time one wins; the others look at what it
 * left and apply their change to that, or are refused by it.
 *
 * @returns The record as it is now; undefined if there was none and the change wanted none.
 * @throws RefusedError if the change does not allow it, or the epoch is not the expected one.
 */
export async function changeRecord(
  store: ObjectStore,
  { model, expectedEpoch, change, actor }: ChangeRequest,
): Promise<ModelRecord | undefined> {
  for (let attempt = 1; attempt <= MAXIMUM_ATTEMPTS; attempt++) {
    const found = await readRecord(store, model);
    const epoch = found?.record.epoch ?? 0;
    if (expectedEpoch !== undefined && epoch !== expectedEpoch) {
      const by = found === undefined ? "" : `, changed by ${found.record.updatedBy}`;
      throw new RefusedError(`${model} is at epoch ${epoch}${by}, not at ${expectedEpoch}; look at it again`);
    }
    const state = change(found?.record);
    if (state === undefined || state === found?.record) return found?.record;
    const next = nextRecord(found?.record, state, actor);
    const written = await writeRecord(store, next, found?.etag);
    if (written !== undefined) return written;
  }
  throw new Error(`${model}: ${MAXIMUM_ATTEMPTS} other writers came first; run this again`);
}

function nextRecord(last: ModelRecord | undefined, state: RecordState, actor: string): ModelRecord {
  const epoch = (last?.epoch ?? 0) + 1;
  const nonce = randomUUID();
  const updatedAt = new Date().toISOString();
  const entry = { epoch, nonce, at: updatedAt, by: actor };
  const history = [entry, ...(last?.history ?? [])].slice(0, HISTORY);
  return modelRecord.parse({
    ...state,
    schemaVersion: 1,
    epoch,
    nonce,
    updatedAt,
    updatedBy: actor,
    history,
  });
}

/** The record now if this write won, even if others have written since; undefined if another came first. */
async function writeRecord(
  store: ObjectStore,
  next: ModelRecord,
  etag: string | undefined,
): Promise<ModelRecord | undefined> {
  const body = formatJson(next);
  const condition = etag === undefined ? ({ absent: true } as const) : { etag };
  if ((await store.put(keys.record(next.model), body, condition)) !== undefined) return next;
  // Refused, perhaps by the trace of this very write, whose answer was lost.
  const now = await readRecord(store, next.model);
  const won = now?.record.history?.some(({ nonce }) => nonce === next.nonce) ?? false;
  return won ? now?.record : undefined;
}
