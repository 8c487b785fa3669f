/**
 * Stands for vLLM's replicas, the reconciler and a gateway, where a test is about the steps: what the record wants is
 * held, and answers as the test says. The real ones have tests of their own.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  type ModelRecord,
  type ObjectStore,
  readManifest,
  readRecord,
  wantedVersions,
} from "@mlops/registry";

/** How one version answers, by its served name or `base`. */
export type Answers = (name: string, prompt: string) => string;

export class StubLlm {
  static readonly base = "tiny-docs@0123456789abcdef0123456789abcdef01234567";
  answers: Answers = () => "an answer";
  /** Logarithm of every token's probability; another for each model unless the test says otherwise. */
  logprob: (name: string) => number = (name) => -0.2 * (1 + (hashOf(name) % 97));
  /** Adapters that replicas mistake for another one: asked name, answered name. */
  mistaken: Readonly<Record<string, string>> = {};
  acknowledges = true;
  /** Status of a request to a version. */
  status: (name: string) => number = () => 200;
  /** Milliseconds before each token of a stream. */
  tokenDelayMs: (name: string) => number = () => 1;
  /** Whether a version's stream breaks off after its first token, by how many it had before. */
  breaksOff: (name: string, streams: number) => boolean = () => false;
  /** Seconds that the gateways' metrics say that a version takes. */
  seconds: (name: string) => number = () => 0.02;
  readonly #streams = new Map<string, number>();
  readonly #totals = new Map<string, { requests: Map<string, number>; seconds: number[] }>();
  #read: { readonly at: number; readonly record: Promise<ModelRecord | undefined> } = {
    at: Number.NEGATIVE_INFINITY,
    record: Promise.resolve(undefined),
  };
  readonly #store: ObjectStore;
  readonly #model: string;
  /** The gateway with its admin port, and two replicas. */
  readonly #servers: readonly Server[];

  private constructor(store: ObjectStore, model: string) {
    this.#store = store;
    this.#model = model;
    this.#servers = [false, true, true].map((direct) =>
      createServer((incoming, outgoing) => {
        void this.#serve(incoming, outgoing, direct).catch((error: Error) => {
          outgoing.writeHead(500).end(error.message);
        });
      }),
    );
  }

  static async start(store: ObjectStore, model: string): Promise<StubLlm> {
    const stub = new StubLlm(store, model);
    await Promise.all(
      stub.#servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    );
    return stub;
  }

  get url(): string {
    return this.#urls[0] ?? "";
  }

  /** Of vLLM. */
  get replicas(): string {
    return this.#urls.slice(1).join(",");
  }

  get #urls(): string[] {
    return this.#servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse, direct: boolean): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const record = await this.#record();
    const json = (body: unknown): void => void outgoing.writeHead(200).end(JSON.stringify(body));
    if (incoming.url === "/admin/models") {
      json({ [this.#model]: { epoch: this.acknowledges ? (record?.epoch ?? 0) : 0, inFlight: {} } });
    } else if (incoming.url === "/metrics") outgoing.writeHead(200).end(this.#metrics());
    else if (incoming.url === "/version") json({ version: "0.0.0" });
    else if (incoming.url === "/v1/models") {
      const held = await this.#held(record);
      json({ data: [{ id: StubLlm.base }, ...held.map((id) => ({ id, parent: StubLlm.base }))] });
    } else if (incoming.url === "/v1/completions") {
      const { model, prompt, stream } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as {
        model: string;
        prompt: string;
        stream?: boolean;
      };
      const name = direct ? (this.mistaken[model] ?? model) : this.#resolve(model, record);
      if (stream === true && name !== undefined) await this.#stream(name, prompt, outgoing);
      else this.#complete(name, prompt, outgoing);
    } else outgoing.writeHead(404).end("{}");
  }

  /** Read a few times a second, as gateways do. */
  #record(): Promise<ModelRecord | undefined> {
    const now = performance.now();
    if (now - this.#read.at > 50) {
      this.#read = { at: now, record: readRecord(this.#store, this.#model).then((found) => found?.record) };
    }
    return this.#read.record;
  }

  async #held(record: ModelRecord | undefined): Promise<string[]> {
    const wanted = record === undefined ? [] : wantedVersions(record);
    const complete = await Promise.all(
      wanted.map(async ({ servedName, artifact }) => {
        const manifest = await readManifest(this.#store, artifact.prefix);
        return manifest?.sha256 === artifact.sha256 ? [servedName] : [];
      }),
    );
    return complete.flat();
  }

  #resolve(name: string, record: ModelRecord | undefined): string | undefined {
    if (name === `${this.#model}-candidate`) return record?.candidate?.servedName;
    const canary = record?.candidate !== undefined && Math.random() < (record.canaryShare ?? 0);
    return canary ? record?.candidate?.servedName : record?.live?.servedName;
  }

  #complete(name: string | undefined, prompt: string, outgoing: ServerResponse): void {
    if (name === undefined) {
      outgoing.writeHead(404).end(JSON.stringify({ error: "model_not_found" }));
      return;
    }
    const status = this.status(name);
    this.#count(name, String(status));
    const text = status === 200 ? this.answers(name, prompt) : "";
    const tokens = text.split(/(?<= )/);
    const logprobs = { tokens, token_logprobs: tokens.map(() => this.logprob(name)) };
    outgoing
      .writeHead(status, { "content-type": "application/json", "x-mlops-model-version": name })
      .end(JSON.stringify({ choices: [{ text, logprobs }] }));
  }

  #count(name: string, code: string): void {
    const totals = this.#totals.get(name) ?? { requests: new Map<string, number>(), seconds: [] };
    this.#totals.set(name, totals);
    totals.requests.set(code, (totals.requests.get(code) ?? 0) + 1);
    totals.seconds.push(this.seconds(name));
  }

  async #stream(name: string, prompt: string, outgoing: ServerResponse): Promise<void> {
    const tokens = this.answers(name, prompt).split(/(?<= )/);
    outgoing.writeHead(200, { "content-type": "text/event-stream", "x-mlops-model-version": name });
    const send = (data: object): void => void outgoing.write(`data: ${JSON.stringify(data)}\n\n`);
    const streams = this.#streams.get(name) ?? 0;
    this.#streams.set(name, streams + 1);
    for (const text of tokens) {
      await delay(this.tokenDelayMs(name));
      send({ choices: [{ index: 0, text }] });
      if (this.breaksOff(name, streams)) {
        this.#count(name, "broken");
        outgoing.destroy();
        return;
      }
    }
    send({ choices: [], usage: { prompt_tokens: 10, completion_tokens: tokens.length } });
    outgoing.end("data: [DONE]\n\n");
  }

  /** As the gateway writes them. */
  #metrics(): string {
    const bounds = Array.from({ length: 30 }, (_, index) => 0.01 * 1.25 ** index);
    return [...this.#totals]
      .flatMap(([version, { requests, seconds }]) => {
        const labels = `model="${this.#model}",version="${version}"`;
        const bucket = (bound: number): number => seconds.filter((one) => one <= bound).length;
        return [
          ...[...requests].map(
            ([code, count]) => `mlops_gateway_requests_total{${labels},code="${code}"} ${count}`,
          ),
          ...bounds.map(
            (bound) =>
              `mlops_gateway_request_duration_seconds_bucket{le="${bound}",${labels}} ${bucket(bound)}`,
          ),
          `mlops_gateway_request_duration_seconds_bucket{le="+Inf",${labels}} ${seconds.length}`,
        ];
      })
      .join("\n");
  }
}

function hashOf(name: string): number {
  return [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, 7);
}
