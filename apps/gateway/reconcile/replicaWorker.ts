/** Makes one replica hold what the records say. */
import { type ModelRecord, type ServedVersion, wantedVersions } from "@mlops/registry";
import type { Backend } from "../backends/backend.ts";
import type { Logger } from "../shared/log.ts";
import { reasonOf } from "../shared/log.ts";
import { type Loop, startLoop } from "../shared/loop.ts";
import { Backoff } from "./backoff.ts";
import { type PlanArgs, planReplica } from "./plan.ts";

export interface WorkerOptions {
  readonly backend: Backend;
  readonly url: string;
  readonly log: Logger;
  /** Of this kind of server, as they are known now. */
  readonly records: () => readonly ModelRecord[];
  /** Throws if the version must not be loaded. */
  readonly check: (version: ServedVersion) => Promise<void>;
  /**
   * How the gateways use a version, asked anew; undefined while the records themselves are too old to take
   * anything away by.
   */
  readonly use: () => Promise<
    { readonly records: readonly ModelRecord[]; readonly inUse: PlanArgs["inUse"] } | undefined
  >;
  readonly onAction: (action: "load" | "unload", outcome: "ok" | "failed") => void;
  /** Milliseconds between two looks. @default 250 */
  readonly intervalMs?: number;
  /** Milliseconds until a look counts as failed. @default 2000 */
  readonly lookTimeoutMs?: number;
  /** Milliseconds until a load or an unload counts as failed. @default 300000 */
  readonly loadTimeoutMs?: number;
  /** Milliseconds between two looks for versions that nobody remembers. @default 30000 */
  readonly scanMs?: number;
}

/** How one replica is doing, for the status. */
export interface ReplicaStatus {
  readonly server: string;
  readonly url: string;
  readonly reachable: boolean;
  /** Why it is not reachable. */
  readonly error?: string;
  readonly ready: readonly string[];
  /** What is being loaded now. */
  readonly loading?: string;
  readonly failures: readonly {
    readonly servedName: string;
    readonly attempts: number;
    readonly error: string;
  }[];
  readonly waiting: readonly { readonly servedName: string; readonly reason: string }[];
}

export class ReplicaWorker {
  readonly #options: Required<WorkerOptions>;
  readonly #backoff = new Backoff();
  /** Versions that were wanted once or were found here: whatever may be to be unloaded. */
  readonly #known = new Set<string>();
  readonly #loop: Loop;
  #ready: ReadonlySet<string> = new Set();
  #waiting: ReplicaStatus["waiting"] = [];
  #error: string | undefined = "not looked at yet";
  #loading: string | undefined;
  #scannedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WorkerOptions) {
    const defaults = { intervalMs: 250, lookTimeoutMs: 2_000, loadTimeoutMs: 300_000, scanMs: 30_000 };
    this.#options = { ...defaults, ...options };
    this.#loop = startLoop(this.#options.intervalMs, (signal) => this.#run(signal));
  }

  wake(): void {
    this.#loop.wake();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  status(): ReplicaStatus {
    const { backend, url } = this.#options;
    const failures = [...this.#backoff.all()].map(([servedName, { attempts, error }]) => ({
      servedName,
      attempts,
      error,
    }));
    return {
      server: backend.server,
      url,
      reachable: this.#error === undefined,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      ready: [...this.#ready].sort(),
      ...(this.#loading === undefined ? {} : { loading: this.#loading }),
      failures,
      waiting: this.#waiting,
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { log, url } = this.#options;
    try {
      await this.#look(signal);
      if (this.#error !== undefined) log.info("replica is reached", { url, ready: [...this.#ready] });
      this.#error = undefined;
    } catch (error) {
      if (signal.aborted) return;
      const reason = reasonOf(error);
      if (this.#error === undefined) log.warn("replica cannot be reached", { url, reason });
      this.#error = reason;
      this.#ready = new Set();
      // After a restart it may hold anything or nothing.
      this.#scannedAt = Number.NEGATIVE_INFINITY;
      return;
    }
    await this.#converge(signal);
  }

  /** Finds out what the replica holds. */
  async #look(signal: AbortSignal): Promise<void> {
    const { backend, url, records, lookTimeoutMs, scanMs } = this.#options;
    const limit = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(lookTimeoutMs)]);
    for (const { servedName } of records().flatMap(wantedVersions)) this.#known.add(servedName);
    if (performance.now() - this.#scannedAt >= scanMs) {
      try {
        for (const name of await backend.held(url, limit())) this.#known.add(name);
        this.#scannedAt = performance.now();
      } catch {
        // Triton lists what it holds by its repository: while the object store is down, nobody can say.
      }
    }
    this.#ready = await backend.ready(url, [...this.#known], limit());
  }

  async #converge(signal: AbortSignal): Promise<void> {
    const { backend, records } = this.#options;
    const wanted = new Set(
      records()
        .flatMap(wantedVersions)
        .map(({ servedName }) => servedName),
    );
    const surplus = [...this.#ready].some((name) => !wanted.has(name));
    // Only who takes away needs to know who uses what.
    const use = surplus ? await this.#options.use() : undefined;
    const plan = planReplica({
      records: use?.records ?? records(),
      held: this.#ready,
      slots: backend.slots,
      resting: new Set([...this.#backoff.all().keys()].filter((name) => !this.#backoff.mayTry(name))),
      inUse: use?.inUse ?? (() => "the records or the gateways cannot be read now"),
    });
    this.#waiting = plan.waiting;
    this.#backoff.keep(wanted);
    for (const name of this.#known) if (!wanted.has(name) && !this.#ready.has(name)) this.#known.delete(name);
    for (const servedName of plan.unload) await this.#unload(servedName, signal);
    for (const version of plan.load) {
      if (signal.aborted) return;
      if (this.#backoff.mayTry(version.servedName)) await this.#load(version, signal);
    }
    if (plan.unload.length > 0 || plan.load.some(({ servedName }) => this.#ready.has(servedName)))
      this.wake();
  }

  async #load(version: ServedVersion, signal: AbortSignal): Promise<void> {
    const { backend, url, log, check, onAction, loadTimeoutMs } = this.#options;
    const { servedName } = version;
    const start = performance.now();
    this.#loading = servedName;
    // The record may have come after this run's look, and be gone before the next.
    this.#known.add(servedName);
    try {
      await check(version);
      await backend.load(url, version, AbortSignal.any([signal, AbortSignal.timeout(loadTimeoutMs)]));
      this.#backoff.succeeded(servedName);
      this.#ready = new Set([...this.#ready, servedName]);
      log.info("loaded", { url, servedName, ms: Math.round(performance.now() - start) });
      onAction("load", "ok");
    } catch (error) {
      if (signal.aborted) return;
      const failure = this.#backoff.failed(servedName, reasonOf(error));
      log.error("load failed", { url, servedName, attempts: failure.attempts, reason: failure.error });
      onAction("load", "failed");
    } finally {
      this.#loading = undefined;
    }
  }

  async #unload(servedName: string, signal: AbortSignal): Promise<void> {
    const { backend, url, log, onAction, loadTimeoutMs } = this.#options;
    try {
      await backend.unload(url, servedName, AbortSignal.any([signal, AbortSignal.timeout(loadTimeoutMs)]));
      log.info("unloaded", { url, servedName });
      onAction("unload", "ok");
    } catch (error) {
      if (signal.aborted) return;
      log.error("unload failed", { url, servedName, reason: reasonOf(error) });
      onAction("unload", "failed");
    }
  }
}
