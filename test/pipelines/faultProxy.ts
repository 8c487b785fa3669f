import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** What befalls a request on its way. */
export type Fate =
  | "pass"
  /** The connection breaks before the server sees it. */
  | "lose request"
  /** The server does it, the answer is lost. */
  | "lose answer"
  /** Answered here with this status and body. */
  | { readonly status: number; readonly body: string };

export interface Seen {
  readonly method: string;
  readonly path: string;
}

/** An HTTP proxy in front of a real server, on which a test decides request by request what happens. */
export class FaultProxy {
  /** Decides about each request; may wait as long as it likes. */
  decide: (request: Seen) => Fate | Promise<Fate> = () => "pass";
  /** Called when the server's answer is there, before the client gets it. */
  answered: (request: Seen) => void | Promise<void> = () => {};
  readonly #target: URL;
  readonly #keepHost: boolean;
  readonly #server: Server;

  private constructor(target: string, keepHost: boolean) {
    this.#target = new URL(target);
    this.#keepHost = keepHost;
    this.#server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => incoming.socket.destroy());
    });
  }

  /** @param keepHost The Host header is passed on: signed requests need it. */
  static async start(target: string, { keepHost }: { readonly keepHost: boolean }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, keepHost);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Everything passes again. */
  reset(): void {
    this.decide = () => "pass";
    this.answered = () => {};
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const seen: Seen = { method: incoming.method ?? "", path: incoming.url ?? "" };
    const fate = await this.decide(seen);
    if (fate === "lose request") {
      incoming.socket.destroy();
      return;
    }
    if (typeof fate === "object") {
      outgoing.writeHead(fate.status, { "content-type": "application/xml" }).end(fate.body);
      return;
    }
    const answer = await this.#forward(incoming, Buffer.concat(chunks));
    await this.answered(seen);
    if (fate === "lose answer") {
      incoming.socket.destroy();
      return;
    }
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  }

  async #forward(incoming: IncomingMessage, body: Buffer) {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { ...incoming.headers, ...(this.#keepHost ? {} : { host: this.#target.host }) };
    const { hostname, port } = this.#target;
    // No agent: a connection that is kept alive would break when the server restarts.
    const options = {
      hostname,
      port,
      method: incoming.method,
      path: incoming.url,
      headers,
      agent: false as const,
    };
    httpRequest(options, resolve).on("error", reject).end(body);
    const answer = await promise;
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    // The body is sent whole, without chunks.
    const { "transfer-encoding": _chunked, ...rest } = answer.headers;
    return { status: answer.statusCode ?? 500, headers: rest, body: Buffer.concat(chunks) };
  }
}
