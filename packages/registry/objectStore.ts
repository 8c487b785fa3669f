import { type RetryPolicy, retry } from "@mlops/mlflow";

/** When a `put` may write: only a new key, or only over exactly this version. Without it, always. */
export type Condition = { readonly absent: true } | { readonly etag: string };

export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: string;
}

export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * One bucket of an S3-compatible object store. Operations throw a TransientError where another attempt may
 * succeed; then a write may or may not have happened.
 */
export interface ObjectStore {
  /** For messages: the bucket and where it is. */
  readonly description: string;
  /** undefined if there is no such key. */
  get(key: string): Promise<StoredObject | undefined>;
  /** The new ETag, or undefined if the condition did not hold. */
  put(key: string, body: Uint8Array, condition?: Condition): Promise<string | undefined>;
  /** Every object whose key starts with `prefix`, in order of keys. */
  list(prefix: string): Promise<ListedObject[]>;
  /** No error if there is no such key. */
  remove(key: string): Promise<void>;
}

/**
 * The same store with every operation repeated while it fails for a moment. A conditional write that is
 * repeated may find that its first attempt won and then answers "condition does not hold": the caller reads
 * back and compares content of its own (a nonce, a sum).
 */
export function withRetries(store: ObjectStore, policy?: RetryPolicy): ObjectStore {
  return {
    description: store.description,
    get: (key) => retry(() => store.get(key), policy),
    put: (key, body, condition) => retry(() => store.put(key, body, condition), policy),
    list: (prefix) => retry(() => store.list(prefix), policy),
    remove: (key) => retry(() => store.remove(key), policy),
  };
}
