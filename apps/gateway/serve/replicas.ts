/** The replicas of one kind of server, and which of them answers for which version. */

import type { ReplicaSource } from "@mlops/registry";
import { type Agent, type Dispatcher, Pool } from "undici";
import type { Backend } from "../backends/backend.ts";
import { probingAgent } from "../backends/http.ts";
import type { Logger } from "../shared/log.ts";
import { reasonOf } from "../shared/log.ts";
import { type Loop, startLoop } from "../shared/loop.ts";

/** One replica, with its own connections. */
export interface Replica {
  readonly url: string;
  readonly pool: Pool;
  /** Requests under way on it. */
  inFlight: number;
}

export interface ReplicasOptions {
  readonly backend: (dispatcher: Dispatcher) => Backend;
  readonly source: ReplicaSource;
  /** Versions whose readiness is watched: those that the records name. */
  readonly wanted: () => readonly string[];
  readonly log: Logger;
  /** Milliseconds between two looks at a replica. @default 200 */
  readonly probeMs?: number;
  /** Milliseconds until a look counts as failed. @default 2000 */
  readonly probeTimeoutMs?: number;
  /** Milliseconds until a connection counts as refused. @default 1000 */
  readonly connectTimeoutMs?: number;
  /** Connections to one replica; what comes on top waits for one. @default 512 */
  readonly connections?: number;
}

interface Watched extends Replica {
  ready: ReadonlySet<string>;
  /** Whether a first look has ended, well or not. */
  looked: boolean;
  /** Failed looks in a row. */
  failures: number;
  readonly loop: Loop;
}

/** A busy replica may miss one look; two in a row mean that it hangs. */
const MISSES = 2;

export class Replicas {
  readonly #options: Required<ReplicasOptions>;
  readonly #replicas = new Map<string, Watched>();
  readonly #waiting = new Set<() => void>();
  readonly #agent: Agent;
  readonly #backend: Backend;
  #discovery: Loop | undefined;
  #discovered = false;
  #stopping = false;

  constructor(options: ReplicasOptions) {
    const defaults = { probeMs: 200, probeTimeoutMs: 2_000, connectTimeoutMs: 1_000, connections: 512 };
    this.#options = { ...defaults, ...options };
    this.#agent = probingAgent(this.#options.connectTimeoutMs);
    this.#backend = this.#options.backend(this.#agent);
  }

  start(): void {
    this.#discovery = startLoop(1_000, () => this.#discover());
  }

  /** Ends every connection. Requests still under way fail. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#discovery?.stop();
    await Promise.all([...this.#replicas.keys()].map((url) => this.#remove(url)));
    await this.#agent.destroy();
  }

  /** Whether the replicas were found, and each was looked at. */
  get known(): boolean {
    return this.#discovered && [...this.#replicas.values()].every(({ looked }) => looked);
  }

  /** Looks at every replica now: there is a new version to find. */
  wake(): void {
    for (const { loop } of this.#replicas.values()) loop.wake();
  }

  /** How many replicas answer for a version. */
  readyCount(servedName: string): number {
    return [...this.#replicas.values()].filter(({ ready }) => ready.has(servedName)).length;
  }

  urls(): readonly string[] {
    return [...this.#replicas.keys()];
  }

  /** The least busy replica that answers for the version and is not in `except`; undefined if none does. */
  pick(servedName: string, except: ReadonlySet<Replica>): Replica | undefined {
    let best: Watched | undefined;
    for (const replica of this.#replicas.values()) {
      if (!replica.ready.has(servedName) || except.has(replica)) continue;
      if (best === undefined || replica.inFlight < best.inFlight) best = replica;
      // Of equally busy ones not always the first, or a quiet gateway would use one replica only.
      else if (replica.inFlight === best.inFlight && Math.random() < 0.5) best = replica;
    }
    return best;
  }

  /**
   * Takes a replica out that just failed a request: for one version that it said it does not have, or for all
   * because it could not be reached. The next look, which follows at once, may bring it back.
   */
  suspect(replica: Replica, servedName?: string): void {
    const watched = this.#replicas.get(replica.url);
    if (watched === undefined) return;
    watched.ready = new Set(
      [...watched.ready].filter((name) => servedName !== undefined && name !== servedName),
    );
    watched.loop.wake();
  }

  /** Resolves at the next change of readiness, or when `signal` is aborted. */
  async change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
    });
  }

  async #discover(): Promise<void> {
    try {
      const urls = await this.#options.source();
      for (const url of urls) if (!this.#replicas.has(url)) this.#add(url);
      const gone = [...this.#replicas.keys()].filter((url) => !urls.includes(url));
      for (const url of gone) void this.#remove(url);
      this.#discovered = true;
    } catch (error) {
      this.#options.log.warn("replicas cannot be found; the known ones stay", { reason: reasonOf(error) });
    }
  }

  #add(url: string): void {
    const { connectTimeoutMs, connections, probeMs, log } = this.#options;
    const pool = new Pool(url, {
      connections,
      connect: { timeout: connectTimeoutMs },
      // A server that ends waits for its connections; and one that it closes first loses a request.
      keepAliveTimeout: 2_000,
    });
    const loop = startLoop(probeMs, (signal) => this.#probe(url, signal));
    this.#replicas.set(url, { url, pool, inFlight: 0, ready: new Set(), looked: false, failures: 0, loop });
    log.info("replica found", { url });
  }

  async #remove(url: string): Promise<void> {
    const replica = this.#replicas.get(url);
    if (replica === undefined) return;
    this.#replicas.delete(url);
    this.#options.log.info("replica gone", { url });
    await replica.loop.stop();
    if (this.#stopping) await replica.pool.destroy();
    // Waits for what is under way on it.
    else await replica.pool.close();
  }

  async #probe(url: string, signal: AbortSignal): Promise<void> {
    const { wanted, probeTimeoutMs, log } = this.#options;
    const replica = this.#replicas.get(url);
    if (replica === undefined) return;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]);
      const ready = await this.#backend.ready(url, wanted(), limit);
      if (replica.failures > 0) log.info("replica answers", { url });
      replica.failures = 0;
      replica.looked = true;
      this.#setReady(replica, ready);
    } catch (error) {
      if (signal.aborted) return;
      replica.failures++;
      replica.looked = true;
      const hangs = (error as Error).name === "TimeoutError";
      if (hangs && replica.failures < MISSES) return;
      if (replica.failures <= MISSES) log.warn("replica does not answer", { url, reason: reasonOf(error) });
      this.#setReady(replica, new Set());
    }
  }

  #setReady(replica: Watched, ready: ReadonlySet<string>): void {
    const before = replica.ready;
    replica.ready = ready;
    if (before.size === ready.size && [...ready].every((name) => before.has(name))) return;
    this.#options.log.info("replica's versions", { url: replica.url, ready: [...ready] });
    for (const done of [...this.#waiting]) done();
  }
}
