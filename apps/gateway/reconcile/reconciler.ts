/** The reconciler: every replica of every server holds what the records say, and nothing longer than needed. */
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { ReplicaSource } from "@mlops/registry";
import { type ModelRecord, type ObjectStore, type Server, wantedVersions } from "@mlops/registry";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Dispatcher } from "undici";
import type { Backend } from "../backends/backend.ts";
import { probingAgent } from "../backends/http.ts";
import { type Logger, reasonOf } from "../shared/log.ts";
import { type Loop, startLoop } from "../shared/loop.ts";
import { RecordCache, type RecordCacheOptions } from "../shared/recordCache.ts";
import { Completeness } from "./completeness.ts";
import { askGateways, reasonToKeep } from "./gateways.ts";
import { type ReplicaStatus, ReplicaWorker, type WorkerOptions } from "./replicaWorker.ts";

export interface ReconcilerOptions {
  readonly host: string;
  /** Port of status and metrics; 0 takes any free one. */
  readonly port: number;
  readonly store: ObjectStore;
  readonly servers: Readonly<
    Partial<
      Record<
        Server,
        { readonly source: ReplicaSource; readonly backend: (dispatcher: Dispatcher) => Backend }
      >
    >
  >;
  /** Admin ports of all gateways. */
  readonly gateways: ReplicaSource;
  readonly log: Logger;
  readonly records?: Pick<RecordCacheOptions, "pollMs" | "listMs">;
  readonly worker?: Pick<WorkerOptions, "intervalMs" | "lookTimeoutMs" | "loadTimeoutMs" | "scanMs">;
}

/** One version of a model, over all replicas of its server. */
export interface VersionStatus {
  readonly role: "live" | "previous" | "candidate";
  /** Replicas that answer for it, of how many there are. */
  readonly ready: number;
  readonly replicas: number;
  /** Why others do not, by replica. */
  readonly problems: readonly string[];
}

/** What `GET /status` answers. */
export interface ReconcilerStatus {
  readonly records: { readonly ageMs: number | null; readonly error: string | null };
  readonly models: Readonly<
    Record<
      string,
      {
        readonly server: Server;
        /** Epoch of the record that this is about. */
        readonly epoch: number;
        readonly versions: Readonly<Record<string, VersionStatus>>;
      }
    >
  >;
  readonly replicas: readonly ReplicaStatus[];
}

/** Milliseconds after which records are too old to unload by. */
const FRESH_MS = 3_000;
const ASK_MS = 2_000;

interface Fleet {
  readonly backend: Backend;
  readonly workers: Map<string, ReplicaWorker>;
  readonly loop: Loop;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #records: RecordCache;
  readonly #completeness: Completeness;
  readonly #agent = probingAgent(1_000);
  readonly #fleets: Fleet[] = [];
  readonly #registry = new Registry();
  readonly #actions: Counter<"server" | "action" | "outcome">;
  readonly #http: HttpServer;
  readonly #starting = new AbortController();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    const { store, log } = options;
    this.#records = new RecordCache({ ...options.records, store, log });
    this.#completeness = new Completeness(store);
    this.#actions = this.#createMetrics();
    this.#http = createServer((request, response) => {
      void this.#answer(request, response);
    });
  }

  /** Listens; begins to act once the records were read. */
  async start(): Promise<void> {
    const { host, port, log, servers } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(port, host, resolve);
    });
    log.info("reconciler listens", { host, port: this.port });
    this.#records.onChange(() => {
      for (const { workers } of this.#fleets) for (const worker of workers.values()) worker.wake();
    });
    void this.#records.start(this.#starting.signal).then(() => {
      if (this.#starting.signal.aborted) return;
      for (const { source, backend } of Object.values(servers))
        this.#startFleet(backend(this.#agent), source);
    });
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#starting.abort();
    for (const { loop, workers } of this.#fleets) {
      await loop.stop();
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
    }
    await this.#records.stop();
    await this.#agent.destroy();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  status(): ReconcilerStatus {
    const { ageMs, error } = this.#records.freshness();
    const models = this.#records.all().map((record) => [record.model, this.#modelStatus(record)] as const);
    return {
      records: { ageMs: ageMs === undefined ? null : Math.round(ageMs), error: error ?? null },
      models: Object.fromEntries(models),
      replicas: this.#fleets.flatMap(({ workers }) => [...workers.values()].map((worker) => worker.status())),
    };
  }

  #modelStatus(record: ModelRecord): ReconcilerStatus["models"][string] {
    const replicas = this.#fleets
      .filter(({ backend }) => backend.server === record.server)
      .flatMap(({ workers }) => [...workers.values()].map((worker) => worker.status()));
    const roles = ["live", "previous", "candidate"] as const;
    const versions = wantedVersions(record).map(({ servedName }) => {
      const status: VersionStatus = {
        role: roles.find((role) => record[role]?.servedName === servedName) ?? "candidate",
        ready: replicas.filter(({ ready }) => ready.includes(servedName)).length,
        replicas: replicas.length,
        problems: replicas.flatMap((replica) => problemsOf(replica, servedName)),
      };
      return [servedName, status] as const;
    });
    return { server: record.server, epoch: record.epoch, versions: Object.fromEntries(versions) };
  }

  #startFleet(backend: Backend, source: ReplicaSource): void {
    const workers = new Map<string, ReplicaWorker>();
    const loop = startLoop(1_000, async () => {
      try {
        const urls = await source();
        for (const url of urls) if (!workers.has(url)) workers.set(url, this.#startWorker(backend, url));
        for (const [url, worker] of workers) {
          if (urls.includes(url)) continue;
          workers.delete(url);
          void worker.stop();
        }
      } catch (error) {
        this.#options.log.warn("replicas cannot be found", {
          server: backend.server,
          reason: reasonOf(error),
        });
      }
    });
    this.#fleets.push({ backend, workers, loop });
  }

  #startWorker(backend: Backend, url: string): ReplicaWorker {
    const { log, worker } = this.#options;
    const { server } = backend;
    return new ReplicaWorker({
      ...worker,
      backend,
      url,
      log,
      records: () => this.#ofServer(server),
      check: (version) => this.#completeness.check(version),
      use: () => this.#use(server),
      onAction: (action, outcome) => this.#actions.inc({ server, action, outcome }),
    });
  }

  #ofServer(server: Server): ModelRecord[] {
    return this.#records.all().filter((record) => record.server === server);
  }

  /**
   * Records and gateways as they are now, and not as they were when the need to unload was seen: this process
   * may have slept meanwhile, and a version may be wanted again.
   */
  async #use(server: Server): ReturnType<WorkerOptions["use"]> {
    await this.#records.refresh();
    const { ageMs, error } = this.#records.freshness();
    if (error !== undefined || ageMs === undefined || ageMs > FRESH_MS) return undefined;
    const signal = AbortSignal.timeout(ASK_MS);
    const gateways = await askGateways(this.#agent, this.#options.gateways, signal).catch(() => undefined);
    if (gateways === undefined) return undefined;
    return {
      records: this.#ofServer(server),
      inUse: (model, epoch, servedName) => reasonToKeep(gateways, model, epoch, servedName),
    };
  }

  #createMetrics(): Counter<"server" | "action" | "outcome"> {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    const status = (): ReconcilerStatus => this.status();
    new Gauge({
      name: "mlops_reconciler_missing_replicas",
      help: "Replicas that do not answer for a version that a record names",
      labelNames: ["model", "version"],
      registers,
      collect() {
        this.reset();
        for (const [model, { versions }] of Object.entries(status().models)) {
          for (const [version, { ready, replicas }] of Object.entries(versions)) {
            this.set({ model, version }, replicas - ready);
          }
        }
      },
    });
    return new Counter({
      name: "mlops_reconciler_actions_total",
      help: "Loads and unloads, by how they ended",
      labelNames: ["server", "action", "outcome"],
      registers,
    });
  }

  async #answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
    };
    if (method !== "GET") json(405, { error: "only GET" });
    else if (url === "/status") json(200, this.status());
    else if (url === "/healthz") json(200, { alive: true });
    else if (url === "/metrics") {
      response.writeHead(200, { "content-type": this.#registry.contentType });
      response.end(await this.#registry.metrics());
    } else json(404, { error: "not found" });
  }
}

function problemsOf(replica: ReplicaStatus, servedName: string): string[] {
  if (replica.ready.includes(servedName)) return [];
  if (!replica.reachable) return [`${replica.url}: ${replica.error}`];
  const failure = replica.failures.find((other) => other.servedName === servedName);
  if (failure !== undefined) return [`${replica.url}: ${failure.error} (attempt ${failure.attempts})`];
  const waits = replica.waiting.find((other) => other.servedName === servedName);
  return [
    `${replica.url}: ${waits?.reason ?? (replica.loading === servedName ? "loading" : "not loaded yet")}`,
  ];
}
