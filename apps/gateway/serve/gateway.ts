/** The gateway: stable model names in front of the replicas of every server. */
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { ObjectStore, ReplicaSource, Server } from "@mlops/registry";
import { wantedVersions } from "@mlops/registry";
import type { Dispatcher } from "undici";
import type { Backend } from "../backends/backend.ts";
import type { Logger } from "../shared/log.ts";
import { RecordCache, type RecordCacheOptions } from "../shared/recordCache.ts";
import { HttpError, sendError, sendJson } from "./answers.ts";
import type { AttemptResult } from "./attempt.ts";
import { type Body, type BodyLimits, readBody, readWhole } from "./body.ts";
import { forward } from "./forward.ts";
import { requestHeaders } from "./headers.ts";
import { InFlight } from "./inFlight.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { modelList, parseOpenAi } from "./openAi.ts";
import { Replicas, type ReplicasOptions } from "./replicas.ts";
import { type Resolved, resolveName } from "./resolve.ts";
import { type Route, routeOf } from "./routes.ts";

/** One kind of server. */
export interface ServedBy {
  readonly source: ReplicaSource;
  readonly backend: (dispatcher: Dispatcher) => Backend;
  /** Milliseconds for an answer: until its first byte, and between two. */
  readonly timeoutMs: number;
}

export interface GatewayOptions {
  /** Address that both ports listen on. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly adminPort: number;
  readonly store: ObjectStore;
  /** Requests for models of a server without an entry are refused. */
  readonly servers: Readonly<Partial<Record<Server, ServedBy>>>;
  readonly log: Logger;
  /** Milliseconds that a request waits until some replica has its version. */
  readonly waitMs: number;
  readonly body: BodyLimits;
  /** Requests under way at once; more are refused with 503. */
  readonly maxInFlight: number;
  /** Uniform in [0, 1), for canaries. @default Math.random */
  readonly random?: () => number;
  readonly records?: Pick<RecordCacheOptions, "pollMs" | "listMs">;
  readonly probe?: Pick<ReplicasOptions, "probeMs" | "probeTimeoutMs" | "connectTimeoutMs" | "connections">;
}

/** What the admin port reports of one model; the reconciler and the deployment steps read it. */
export interface ModelReport {
  /** Epoch of the record that every request is resolved by from now on. */
  readonly epoch: number;
  /** Requests under way by served name. */
  readonly inFlight: Readonly<Record<string, number>>;
}

/** Time for a request to arrive whole. */
const REQUEST_TIMEOUT_MS = 60_000;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #records: RecordCache;
  readonly #replicas = new Map<Server, Replicas>();
  readonly #inFlight = new InFlight();
  readonly #metrics: Metrics;
  readonly #public: HttpServer;
  readonly #admin: HttpServer;
  readonly #starting = new AbortController();
  #port = 0;
  #adminPort = 0;
  #recordsRead = false;
  #draining = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { store, log } = options;
    this.#records = new RecordCache({ ...options.records, store, log });
    for (const [server, { source, backend }] of Object.entries(options.servers) as [Server, ServedBy][]) {
      const wanted = (): string[] => this.#servedNames(server);
      this.#replicas.set(server, new Replicas({ backend, source, wanted, log, ...options.probe }));
    }
    const replicas = [...this.#replicas.values()];
    this.#metrics = createMetrics({ records: this.#records, inFlight: this.#inFlight, replicas });
    this.#public = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: 65_000 }, (q, r) => {
      void this.#serve(q, r);
    });
    this.#admin = createServer((q, r) => {
      void this.#administer(q, r);
    });
  }

  /** Listens at once, and is ready once records and replicas are known. */
  async start(): Promise<void> {
    const { host, port, adminPort, log } = this.#options;
    [this.#port, this.#adminPort] = await Promise.all([
      listen(this.#public, host, port),
      listen(this.#admin, host, adminPort),
    ]);
    log.info("gateway listens", { host, port: this.port, adminPort: this.adminPort });
    this.#records.onChange(() => {
      this.#recordsRead = true;
      for (const replicas of this.#replicas.values()) replicas.wake();
    });
    for (const replicas of this.#replicas.values()) replicas.start();
    void this.#records.start(this.#starting.signal);
  }

  /** The public port. */
  get port(): number {
    return this.#port;
  }

  get adminPort(): number {
    return this.#adminPort;
  }

  get ready(): boolean {
    return !this.#draining && this.#recordsRead && [...this.#replicas.values()].every(({ known }) => known);
  }

  /**
   * Ends without losing a request: turns unready, goes on serving for `noticeMs` while others notice, lets what is
   * under way finish for `limitMs` at most, then closes.
   */
  async stop({ noticeMs, limitMs }: { readonly noticeMs: number; readonly limitMs: number }): Promise<void> {
    this.#draining = true;
    this.#options.log.info("gateway drains", { inFlight: this.#inFlight.total });
    await new Promise((resolve) => setTimeout(resolve, noticeMs));
    const closed = new Promise<void>((resolve) => this.#public.close(() => resolve()));
    // A connection whose last answer ends from now on would stay open for its next request.
    const idle = setInterval(() => this.#public.closeIdleConnections(), 50);
    const limit = setTimeout(() => this.#public.closeAllConnections(), limitMs);
    await closed;
    clearInterval(idle);
    clearTimeout(limit);
    this.#starting.abort();
    await this.#records.stop();
    await Promise.all([...this.#replicas.values()].map((replicas) => replicas.stop()));
    this.#admin.closeAllConnections();
    await new Promise<void>((resolve) => this.#admin.close(() => resolve()));
    this.#options.log.info("gateway ended");
  }

  #servedNames(server: Server): string[] {
    const records = this.#records.all().filter((record) => record.server === server);
    return records.flatMap(wantedVersions).map(({ servedName }) => servedName);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = routeOf(request.method, request.url);
    // Clients of a gateway that ends open their next connection to another one.
    if (this.#draining) response.setHeader("connection", "close");
    try {
      if (route === undefined) throw new HttpError(404, "not_found", "no such resource");
      if (route.kind === "health") this.#health(route.of, response);
      else if (route.kind === "models") sendJson(response, 200, modelList(this.#records.all()));
      else await this.#infer(route, request, response);
    } catch (error) {
      const known = error instanceof HttpError ? error : new HttpError(500, "internal", "the gateway failed");
      if (known !== error) this.#options.log.error("request failed", { reason: (error as Error).stack });
      if (known.status === 413 || known.status === 411) response.setHeader("connection", "close");
      sendError(response, known, route?.kind === "openai");
      this.#metrics.refused.inc({ code: known.code });
    }
  }

  #health(of: "live" | "ready", response: ServerResponse): void {
    const good = of === "live" || this.ready;
    sendJson(response, good ? 200 : 503, { [of]: good });
  }

  async #infer(
    route: Extract<Route, { kind: "kserve" | "openai" }>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { body: limits } = this.#options;
    if (this.#inFlight.total >= this.#options.maxInFlight) {
      throw new HttpError(503, "overloaded", "too many requests are under way; try again later");
    }
    if (route.kind === "openai") {
      // Read before the name is resolved: a slow upload must not hold a version that others have left.
      const asked = parseOpenAi(await readWhole(request, limits));
      await this.#forward(asked.model, "vllm", request, response, ({ version }) => ({
        method: "POST",
        path: route.path,
        body: { kind: "kept", bytes: asked.withModel(version.servedName) },
      }));
      return;
    }
    const body = route.suffix === "/infer" ? await readBody(request, limits) : undefined;
    await this.#forward(route.model, "triton", request, response, ({ version }) => ({
      method: body === undefined ? "GET" : "POST",
      path: `/v2/models/${version.servedName}${route.suffix}`,
      body,
    }));
  }

  async #forward(
    name: string,
    server: Server,
    request: IncomingMessage,
    response: ServerResponse,
    target: (resolved: Resolved) => {
      readonly method: "GET" | "POST";
      readonly path: string;
      readonly body: Body | undefined;
    },
  ): Promise<void> {
    const resolved = this.#resolve(name, server);
    const replicas = this.#replicas.get(server);
    const served = this.#options.servers[server];
    if (replicas === undefined || served === undefined)
      throw new HttpError(503, "no_server", `no ${server} server is known here`);
    const labels = { model: resolved.model, version: resolved.version.servedName };
    const { requests, duration, firstByte, retries } = this.#metrics;
    const start = performance.now();
    const seconds = (): number => (performance.now() - start) / 1000;
    const end = this.#inFlight.begin(resolved.model, resolved.version.servedName);
    let code = "500";
    try {
      const result = await forward({
        ...target(resolved),
        resolved,
        replicas,
        headers: requestHeaders(request.headers),
        response,
        timeoutMs: served.timeoutMs,
        waitMs: this.#options.waitMs,
        onFirstByte: () => firstByte.observe(labels, seconds()),
        onRetry: ({ kind }) => retries.inc({ ...labels, reason: kind }),
      });
      code = codeOf(result);
      if (result.kind === "broken") {
        this.#options.log.warn("answer broke off", { ...labels, reason: result.error.message });
      }
    } catch (error) {
      if (error instanceof HttpError) {
        code = String(error.status);
        this.#options.log.warn("request not served", { ...labels, code: error.code, reason: error.message });
      }
      throw error;
    } finally {
      end();
      requests.inc({ ...labels, code });
      duration.observe(labels, seconds());
    }
  }

  #resolve(name: string, server: Server): Resolved {
    if (!this.#recordsRead) throw new HttpError(503, "starting", "the records are not read yet; try again");
    const available = (of: Server, servedName: string): boolean =>
      (this.#replicas.get(of)?.readyCount(servedName) ?? 0) > 0;
    const { random = Math.random } = this.#options;
    const resolved = resolveName({ records: this.#records, name, random, available });
    if (resolved?.server === server) return resolved;
    throw new HttpError(404, "model_not_found", `no model "${name.slice(0, 128)}" is served here`);
  }

  async #administer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { registry } = this.#metrics;
    if (request.method === "GET" && request.url === "/admin/models") {
      // Before the records were read an empty answer would say that every version is free.
      if (this.#recordsRead) sendJson(response, 200, this.report());
      else sendJson(response, 503, { error: "the records are not read yet" });
    } else if (request.method === "GET" && request.url === "/metrics") {
      const text = await registry.metrics();
      response.writeHead(200, { "content-type": registry.contentType }).end(text);
    } else sendJson(response, 404, { error: "not found" });
  }

  /** Every model with a record or with requests under way. */
  report(): Record<string, ModelReport> {
    const models = new Set([...this.#records.all().map(({ model }) => model), ...this.#inFlight.models()]);
    return Object.fromEntries(
      [...models].map((model) => [
        model,
        { epoch: this.#records.get(model)?.epoch ?? 0, inFlight: this.#inFlight.of(model) },
      ]),
    );
  }
}

function codeOf(result: AttemptResult): string {
  return result.kind === "answered" ? String(result.status) : result.kind;
}

/** The port that it listens on. */
function listen(server: HttpServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
