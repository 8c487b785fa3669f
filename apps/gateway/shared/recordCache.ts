/** The records of all models, read again and again; what was read last stays in force when the store is down. */
import { listModels, type ModelRecord, type ObjectStore, readRecord } from "@mlops/registry";
import type { Logger } from "./log.ts";
import { reasonOf } from "./log.ts";
import { type Loop, startLoop } from "./loop.ts";

export interface RecordCacheOptions {
  /** One attempt an operation: the next read is the retry. */
  readonly store: ObjectStore;
  readonly log: Logger;
  /** Milliseconds between two reads of a known record. @default 200 */
  readonly pollMs?: number;
  /** Milliseconds between two looks for new models. @default 2000 */
  readonly listMs?: number;
  /** Milliseconds after which a read counts as failed. @default 2000 */
  readonly timeoutMs?: number;
}

/** How fresh the records are. */
export interface Freshness {
  /** Milliseconds since all records were read; undefined before the first time. */
  readonly ageMs: number | undefined;
  /** Why the last read failed; undefined if it did not. */
  readonly error: string | undefined;
}

export class RecordCache {
  readonly #options: Required<RecordCacheOptions>;
  readonly #records = new Map<string, ModelRecord>();
  readonly #listeners = new Set<() => void>();
  #models: readonly string[] = [];
  #listedAt = Number.NEGATIVE_INFINITY;
  #readAt: number | undefined;
  #error: string | undefined;
  #loop: Loop | undefined;

  constructor(options: RecordCacheOptions) {
    this.#options = { pollMs: 200, listMs: 2_000, timeoutMs: 2_000, ...options };
  }

  /** Begins to read; resolves once all records were read for the first time, or `signal` is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    this.#loop = startLoop(this.#options.pollMs, () => this.refresh());
    await new Promise<void>((resolve) => {
      const done = (): void => {
        if (this.#readAt === undefined && !signal.aborted) return;
        this.#listeners.delete(done);
        resolve();
      };
      this.#listeners.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  async stop(): Promise<void> {
    await this.#loop?.stop();
  }

  get(model: string): ModelRecord | undefined {
    return this.#records.get(model);
  }

  all(): readonly ModelRecord[] {
    return [...this.#records.values()];
  }

  freshness(): Freshness {
    const ageMs = this.#readAt === undefined ? undefined : performance.now() - this.#readAt;
    return { ageMs, error: this.#error };
  }

  /** Calls `listener` after every change of a record, and after the first read. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Reads everything that is due; never throws. */
  async refresh(): Promise<void> {
    const { store, log, listMs } = this.#options;
    let changed = this.#readAt === undefined;
    try {
      if (performance.now() - this.#listedAt >= listMs) {
        this.#models = await this.#limited(listModels(store), "list");
        this.#listedAt = performance.now();
        for (const gone of [...this.#records.keys()].filter((model) => !this.#models.includes(model))) {
          this.#records.delete(gone);
          changed = true;
          log.info("record is gone", { model: gone });
        }
      }
      const results = await Promise.allSettled(this.#models.map((model) => this.#refreshOne(model)));
      changed ||= results.some((result) => result.status === "fulfilled" && result.value);
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      this.#readAt = performance.now();
      if (this.#error !== undefined) log.info("records are read again");
      this.#error = undefined;
    } catch (error) {
      // Nothing was read yet: there is nothing to go on with, and nobody to tell of a change.
      if (this.#readAt === undefined) changed = false;
      const reason = reasonOf(error);
      if (this.#error !== reason) log.warn("records cannot be read; the last known ones stay", { reason });
      this.#error = reason;
    }
    if (changed) for (const listener of [...this.#listeners]) listener();
  }

  /** Whether the record is another one than before. An older one is never taken for a newer. */
  async #refreshOne(model: string): Promise<boolean> {
    const { store, log } = this.#options;
    const found = await this.#limited(readRecord(store, model), `read ${model}`);
    const known = this.#records.get(model);
    if (found === undefined || found.record.epoch <= (known?.epoch ?? 0)) return false;
    const { record } = found;
    this.#records.set(model, record);
    const { epoch, live, previous, candidate, canaryShare } = record;
    const names = { live, previous, candidate };
    const served = Object.entries(names).map(([role, version]) => [role, version?.servedName]);
    log.info("record applied", { model, epoch, ...Object.fromEntries(served), canaryShare });
    return true;
  }

  async #limited<T>(work: Promise<T>, what: string): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const { timeoutMs } = this.#options;
    const timer = setTimeout(() => reject(new Error(`${what} takes longer than ${timeoutMs} ms`)), timeoutMs);
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
