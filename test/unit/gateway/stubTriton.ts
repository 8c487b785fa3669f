import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a stub answers to an inference request; the default is a small JSON answer with the model's name. */
export type Infer = (request: IncomingMessage, response: ServerResponse, model: string, body: Buffer) => void;

/** An HTTP server with Triton's paths, in this process. */
export interface StubTriton {
  readonly url: string;
  readonly port: number;
  readonly loaded: Set<string>;
  /** `METHOD target` of every request that came, readiness checks included. */
  readonly seen: string[];
  infer: Infer;
  /** Why a load fails; undefined lets it succeed. */
  refuseLoad: (name: string) => string | undefined;
  /** Closes every connection and stops to listen. */
  kill(): Promise<void>;
}

const answer: Infer = (_, response, model) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ model_name: model }));
};

/** @param port 0 takes any free one; another one imitates a restart. */
export async function startStubTriton(names: readonly string[] = [], port = 0): Promise<StubTriton> {
  const loaded = new Set(names);
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => handle(request, response, Buffer.concat(chunks)));
  });
  const stub: StubTriton = {
    url: "",
    port: 0,
    loaded,
    seen,
    infer: answer,
    refuseLoad: () => undefined,
    kill: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
  const handle = (request: IncomingMessage, response: ServerResponse, body: Buffer): unknown => {
    const target = request.url ?? "";
    seen.push(`${request.method} ${target}`);
    const send = (status: number, value?: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(value === undefined ? "" : JSON.stringify(value));
    };
    if (target === "/v2/health/live") return send(200);
    if (target === "/v2/repository/index")
      return send(
        200,
        [...loaded].map((name) => ({ name, state: "READY" })),
      );
    const [, controlled = "", action] =
      /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/.exec(target) ?? [];
    if (action === "load") {
      const reason = stub.refuseLoad(controlled);
      if (reason !== undefined) return send(400, { error: reason });
      loaded.add(controlled);
      return send(200);
    }
    if (action === "unload") {
      loaded.delete(controlled);
      return send(200);
    }
    const [, model = "", suffix] = /^\/v2\/models\/([^/]+)(\/ready|\/infer|)$/.exec(target) ?? [];
    if (suffix === "/ready") return send(loaded.has(model) ? 200 : 400, { error: "Model version not ready" });
    if (!loaded.has(model)) return send(404, { error: `Request for unknown model: '${model}' is not found` });
    if (suffix === "/infer") return stub.infer(request, response, model, body);
    return send(200, { name: model });
  };
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: chosen } = server.address() as AddressInfo;
  return Object.assign(stub, { url: `http://127.0.0.1:${chosen}`, port: chosen });
}
