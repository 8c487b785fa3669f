/** Keeps a folder equal to the adapters that the records want: vLLM loads them from there. */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ObjectStore, ReplicaSource, ServedVersion } from "@mlops/registry";
import type { Dispatcher } from "undici";
import type { Backend } from "../backends/backend.ts";
import { probingAgent } from "../backends/http.ts";
import { Backoff } from "../reconcile/backoff.ts";
import { wantedByWeight } from "../reconcile/plan.ts";
import { type Logger, reasonOf } from "../shared/log.ts";
import { type Loop, startLoop } from "../shared/loop.ts";
import { RecordCache, type RecordCacheOptions } from "../shared/recordCache.ts";
import { download, isWhole, partialPrefix } from "./download.ts";

export interface AdaptersOptions {
  readonly host: string;
  /** Port that the reconciler asks; 0 takes any free one. */
  readonly port: number;
  readonly store: ObjectStore;
  /** Absolute path of the folder, which is this process's alone. */
  readonly dir: string;
  /** The vLLM servers that read the folder. */
  readonly source: ReplicaSource;
  readonly backend: (dispatcher: Dispatcher) => Backend;
  readonly log: Logger;
  /** Bytes of the largest version that is taken. */
  readonly maxBytes: number;
  /** Milliseconds that a version stays after no record wants it and no server holds it. */
  readonly keepMs: number;
  /** Milliseconds between two looks. @default 500 */
  readonly intervalMs?: number;
  readonly records?: Pick<RecordCacheOptions, "pollMs" | "listMs">;
}

/** What `GET /status` answers. */
export interface AdaptersStatus {
  readonly records: { readonly ageMs: number | null; readonly error: string | null };
  /** Versions that are there. */
  readonly present: readonly string[];
  readonly downloading: string | null;
  /** Why others are not, by served name. */
  readonly problems: Readonly<Record<string, string>>;
}

const ASK_MS = 2_000;
const versionPath = /^\/versions\/([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)$/;

export class Adapters {
  readonly #options: AdaptersOptions;
  readonly #records: RecordCache;
  readonly #agent = probingAgent(1_000);
  readonly #backend: Backend;
  readonly #backoff = new Backoff();
  readonly #http: HttpServer;
  readonly #starting = new AbortController();
  /** Served names and sums of versions that were found whole. */
  readonly #whole = new Map<string, string>();
  /** Since when nobody needs a folder, by the clock of `performance.now()`. */
  readonly #unneeded = new Map<string, number>();
  #downloading: string | undefined;
  #loop: Loop | undefined;

  constructor(options: AdaptersOptions) {
    this.#options = options;
    const { store, log, backend } = options;
    this.#backend = backend(this.#agent);
    this.#records = new RecordCache({ ...options.records, store, log });
    this.#http = createServer((request, response) => this.#answer(request, response));
  }

  /** Listens; begins to act once the records were read. */
  async start(): Promise<void> {
    const { host, port, dir, log, intervalMs = 500 } = this.#options;
    await mkdir(dir, { recursive: true });
    for (const name of await readdir(dir)) {
      if (name.startsWith(partialPrefix)) await rm(join(dir, name), { recursive: true, force: true });
    }
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(port, host, resolve);
    });
    log.info("adapters listens", { host, port: this.port, dir });
    this.#records.onChange(() => this.#loop?.wake());
    void this.#records.start(this.#starting.signal).then(() => {
      if (this.#starting.signal.aborted) return;
      this.#loop = startLoop(intervalMs, (signal) => this.#run(signal));
    });
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#starting.abort();
    await this.#loop?.stop();
    await this.#records.stop();
    await this.#agent.destroy();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  status(): AdaptersStatus {
    const { ageMs, error } = this.#records.freshness();
    const problems = [...this.#backoff.all()].map(([name, failure]) => [name, failure.error] as const);
    return {
      records: { ageMs: ageMs === undefined ? null : Math.round(ageMs), error: error ?? null },
      present: [...this.#whole.keys()].sort(),
      downloading: this.#downloading ?? null,
      problems: Object.fromEntries(problems),
    };
  }

  #wanted(): ServedVersion[] {
    return wantedByWeight(this.#records.all().filter(({ server }) => server === "vllm"));
  }

  async #run(signal: AbortSignal): Promise<void> {
    const tried = new Set<string>();
    // One at a time, because a file is held in memory; and looked at anew after each, because a live version
    // that comes meanwhile goes before a candidate.
    for (;;) {
      const wanted = this.#wanted();
      this.#backoff.keep(new Set(wanted.map(({ servedName }) => servedName)));
      const next = wanted.find((version) => !tried.has(version.servedName) && this.#lacks(version));
      if (next === undefined || signal.aborted) break;
      tried.add(next.servedName);
      if (this.#backoff.mayTry(next.servedName)) await this.#fetch(next);
    }
    await this.#tidy();
  }

  #lacks({ servedName, artifact }: ServedVersion): boolean {
    const known = this.#whole.get(servedName) === artifact.sha256;
    if (known && existsSync(join(this.#options.dir, servedName))) return false;
    this.#whole.delete(servedName);
    return true;
  }

  async #fetch(version: ServedVersion): Promise<void> {
    const { store, dir, maxBytes, log } = this.#options;
    const { servedName, artifact } = version;
    const start = performance.now();
    this.#downloading = servedName;
    try {
      const there = await isWhole(version, dir);
      if (!there) await download(store, version, dir, maxBytes);
      this.#whole.set(servedName, artifact.sha256);
      this.#backoff.succeeded(servedName);
      log.info(there ? "adapter found" : "adapter downloaded", {
        servedName,
        ms: Math.round(performance.now() - start),
      });
    } catch (error) {
      const { attempts, error: reason } = this.#backoff.failed(servedName, reasonOf(error));
      log.error("adapter cannot be had", { servedName, attempts, reason });
    } finally {
      this.#downloading = undefined;
    }
  }

  /** Removes folders that nobody has needed for a while. */
  async #tidy(): Promise<void> {
    const { dir, keepMs, log } = this.#options;
    const wanted = new Set(this.#wanted().map(({ servedName }) => servedName));
    const names = (await readdir(dir)).filter((name) => !name.startsWith(partialPrefix));
    const surplus = names.filter((name) => !wanted.has(name));
    for (const name of this.#unneeded.keys()) if (!surplus.includes(name)) this.#unneeded.delete(name);
    for (const name of surplus) if (!this.#unneeded.has(name)) this.#unneeded.set(name, performance.now());
    const due = surplus.filter((name) => performance.now() - (this.#unneeded.get(name) ?? 0) >= keepMs);
    if (due.length === 0 || this.#records.freshness().error !== undefined) return;
    const held = await this.#held();
    for (const name of due) {
      // A server reads the files of an adapter that it holds again after it put it out of its memory.
      if (held === undefined || held.has(name)) this.#unneeded.set(name, performance.now());
      else {
        this.#whole.delete(name);
        await rm(join(dir, name), { recursive: true, force: true });
        log.info("adapter removed", { servedName: name });
      }
    }
  }

  /** What the servers hold; undefined if one cannot be asked. */
  async #held(): Promise<ReadonlySet<string> | undefined> {
    try {
      const urls = await this.#options.source();
      const signal = AbortSignal.timeout(ASK_MS);
      const held = await Promise.all(urls.map((url) => this.#backend.held(url, signal)));
      return new Set(held.flat());
    } catch {
      return undefined;
    }
  }

  #answer({ method, url = "" }: IncomingMessage, response: ServerResponse): void {
    const json = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
    };
    const servedName = versionPath.exec(url)?.[1];
    if (method !== "GET") json(405, { error: "only GET" });
    else if (url === "/status") json(200, this.status());
    else if (url === "/healthz") json(200, { alive: true });
    else if (servedName !== undefined) this.#answerVersion(servedName, json);
    else json(404, { error: "not found" });
  }

  #answerVersion(servedName: string, json: (status: number, value: unknown) => void): void {
    const folder = join(this.#options.dir, servedName);
    if (this.#whole.has(servedName) && existsSync(folder)) {
      json(200, { path: folder });
      return;
    }
    this.#loop?.wake();
    json(404, { error: this.#backoff.all().get(servedName)?.error ?? "not downloaded yet" });
  }
}
