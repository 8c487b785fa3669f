import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { type Gateway, probingAgent, type VllmOptions, vllmBackend } from "@mlops/gateway";
import type { ServedVersion } from "@mlops/registry";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../registry/memoryStore.ts";
import { publish, record, startGateway, until, version, versionOf } from "./world.ts";

const base = { model: "base", revision: "1" };
const [v1, v2] = [1, 2].map((number) => ({ ...version("qa", number), base })) as [
  ServedVersion,
  ServedVersion,
];
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

interface StubVllm {
  readonly url: string;
  readonly adapters: Set<string>;
  /** `path body` of every POST. */
  readonly seen: string[];
  /** Why the adapters' files are not there; undefined when they are. */
  missing: string | undefined;
  complete: (request: IncomingMessage, response: ServerResponse, model: string) => void;
}

/** An HTTP server with vLLM's paths: a base model, and adapters that are loaded at run time. */
async function startStubVllm(names: readonly string[]): Promise<StubVllm> {
  const adapters = new Set(names);
  const seen: string[] = [];
  const stub: StubVllm = {
    url: "",
    adapters,
    seen,
    missing: undefined,
    complete: (_, response, model) => response.end(JSON.stringify({ model })),
  };
  const server: Server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.url === "/v1/models") {
      const data = [{ id: "base@1" }, ...[...adapters].map((id) => ({ id, parent: "base@1" }))];
      response.end(JSON.stringify({ object: "list", data }));
      return;
    }
    if (request.url?.startsWith("/versions/")) {
      const error = stub.missing;
      response.writeHead(error === undefined ? 200 : 404).end(JSON.stringify({ error }));
      return;
    }
    seen.push(`${request.url} ${body}`);
    const { lora_name: name = "", lora_path: path, model = "" } = JSON.parse(body) as Record<string, string>;
    const fail = (status: number, message: string) =>
      response.writeHead(status).end(JSON.stringify({ error: { message } }));
    if (request.url === "/v1/load_lora_adapter") {
      if (path?.endsWith("broken")) fail(400, "no adapter there");
      else if (adapters.has(name)) fail(400, `The lora adapter '${name}' has already been loaded.`);
      else response.end(String(adapters.add(name).size));
    } else if (request.url === "/v1/unload_lora_adapter") {
      response.end(String(adapters.delete(name)));
    } else if (!adapters.has(model)) fail(404, `The model \`${model}\` does not exist.`);
    else stub.complete(request, response, model);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return Object.assign(stub, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** The stub also stands for what downloads adapters beside a server. */
function optionsOf({ url }: StubVllm): VllmOptions {
  return { adapterDir: "/adapters", adaptersPort: Number(new URL(url).port), slots: 4 };
}

async function world(): Promise<{ stub: StubVllm; gateway: Gateway; store: MemoryStore }> {
  const store = new MemoryStore();
  await publish(store, record("qa", 1, { server: "vllm", live: v1, candidate: v2 }));
  const stub = await startStubVllm(["qa-v1", "qa-v2"]);
  const gateway = await startGateway(store, () => [], {
    servers: {
      vllm: {
        source: async () => [stub.url],
        backend: (dispatcher) => vllmBackend(dispatcher, optionsOf(stub)),
        timeoutMs: 5_000,
      },
    },
  });
  cleanup.push(() => gateway.stop({ noticeMs: 0, limitMs: 0 }));
  return { stub, gateway, store };
}

function complete(gateway: Gateway, body: unknown, path = "/v1/completions"): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`http://127.0.0.1:${gateway.port}${path}`, { method: "POST", body: text });
}

describe("OpenAI's API", () => {
  it("takes stable names for versions, and leaves the rest of the body as it is", async () => {
    const { stub, gateway } = await world();
    const rest = { prompt: "héllo", n: 1, extra: { deep: [1] } };
    for (const [name, served] of [
      ["qa", "qa-v1"],
      ["qa-live", "qa-v1"],
      ["qa-candidate", "qa-v2"],
    ]) {
      const response = await complete(gateway, { model: name, ...rest });
      expect([response.status, versionOf(response)]).toEqual([200, served]);
      expect(stub.seen.at(-1)).toBe(`/v1/completions ${JSON.stringify({ model: served, ...rest })}`);
    }
    expect(versionOf(await complete(gateway, { model: "qa" }, "/v1/chat/completions"))).toBe("qa-v1");
  });

  it("leaves numbers as they are that a double cannot hold", async () => {
    const { stub, gateway } = await world();
    const rest = '"seed":9223372036854775807,"prompt":"12345678901234567890","temperature":0.5';
    await complete(gateway, `{"model":"qa",${rest}}`);
    expect(stub.seen.at(-1)).toBe(`/v1/completions {"model":"qa-v1",${rest}}`);
  });

  it("takes a body that is nested too deep for the client's mistake, and no failure of the version", async () => {
    const { stub, gateway } = await world();
    const deep = 10_000;
    const response = await complete(
      gateway,
      `{"model":"qa","prompt":${"[".repeat(deep)}${"]".repeat(deep)}}`,
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
    expect(stub.seen).toEqual([]);
    const metrics = await (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();
    expect(metrics).not.toContain('code="500"');
  });

  it("refuses a body that is too large, whether it says its length or not", async () => {
    const { gateway } = await world();
    const path = "/v1/completions";
    for (const headers of [{ "content-length": 65_537 }, { "transfer-encoding": "chunked" }]) {
      const request = httpRequest({ port: gateway.port, path, method: "POST", headers });
      request.on("error", () => {});
      const answered = once(request, "response");
      request.write(Buffer.alloc(65_537));
      const [response] = (await answered) as [IncomingMessage];
      expect(response.statusCode).toBe(413);
      request.destroy();
    }
  });

  it("knows neither base models nor versions by their own names", async () => {
    const { stub, gateway } = await world();
    for (const model of ["base@1", "qa-v1", "qa-v2", "other"]) {
      const response = await complete(gateway, { model });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { type: "model_not_found" } });
    }
    expect(stub.seen).toEqual([]);
  });

  it.each([["no JSON"], ["[]"], ["null"], ["{}"], ['{"model": 7}']])("refuses %s", async (body) => {
    const { gateway } = await world();
    const response = await complete(gateway, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  });

  it("lists the names that mean something", async () => {
    const { gateway } = await world();
    const answer = await (await fetch(`http://127.0.0.1:${gateway.port}/v1/models`)).json();
    // Whole, as clients that check what they read want it.
    const whole = { object: "model", created: 0, owned_by: "mlops" };
    const data = ["qa", "qa-live", "qa-candidate"].map((id) => ({ id, ...whole }));
    expect(answer).toEqual({ object: "list", data });
  });

  it("passes a stream on as it comes, and finishes it on its version after a promotion", async () => {
    const { stub, gateway, store } = await world();
    const events: ((text: string | undefined) => void)[] = [];
    stub.complete = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      events.push((text) => (text === undefined ? response.end() : response.write(text)));
    };
    const response = await complete(gateway, { model: "qa", stream: true });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    events[0]?.("data: 1\n\n");
    expect((await reader?.read())?.value).toBe("data: 1\n\n");
    await publish(store, record("qa", 2, { server: "vllm", live: v2, previous: v1 }));
    await until(() => gateway.report().qa?.epoch === 2);
    expect(gateway.report().qa?.inFlight).toEqual({ "qa-v1": 1 });
    events[0]?.("data: 2\n\n");
    expect((await reader?.read())?.value).toBe("data: 2\n\n");
    events[0]?.(undefined);
    expect((await reader?.read())?.done).toBe(true);
    expect(versionOf(response)).toBe("qa-v1");
  });

  it("ends a stream that breaks off in an explicit error", async () => {
    const { stub, gateway } = await world();
    stub.complete = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: 1\n\ndata: {"a part', () => response.destroy());
    };
    // By events: other readers drop what they have not handed out yet when the connection breaks.
    const request = httpRequest({ port: gateway.port, path: "/v1/completions", method: "POST" });
    request.end(JSON.stringify({ model: "qa", stream: true }));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let text = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    const [error] = await once(response, "error");
    expect(error.message).toBe("aborted");
    expect(text).toContain("data: 1\n\n");
    expect(text).toMatch(/^data: \{"error":.*"type":"upstream_lost"/m);
  });
});

describe("vllmBackend", () => {
  const backendOf = (stub: StubVllm) => vllmBackend(probingAgent(1_000), optionsOf(stub));
  const signal = AbortSignal.timeout(10_000);

  it("loads an adapter from its folder, once, and unloads it", async () => {
    const stub = await startStubVllm([]);
    const backend = backendOf(stub);
    await backend.load(stub.url, v1, signal);
    await backend.load(stub.url, v1, signal);
    expect(stub.seen).toEqual(['/v1/load_lora_adapter {"lora_name":"qa-v1","lora_path":"/adapters/qa-v1"}']);
    expect(await backend.ready(stub.url, ["qa-v1", "qa-v2", "base"], signal)).toEqual(new Set(["qa-v1"]));
    expect(await backend.held(stub.url, signal)).toEqual(["qa-v1"]);
    await backend.unload(stub.url, "qa-v1", signal);
    await backend.unload(stub.url, "qa-v1", signal);
    expect([stub.adapters.size, stub.seen.length]).toEqual([0, 2]);
  });

  it("says why a load was refused", async () => {
    const stub = await startStubVllm([]);
    const broken = { ...v1, servedName: "broken" };
    await expect(backendOf(stub).load(stub.url, broken, signal)).rejects.toThrow(
      "status 400, no adapter there",
    );
  });

  it("loads no adapter of another base model, or of none", async () => {
    const stub = await startStubVllm([]);
    const other = { ...v1, base: { model: "base", revision: "2" } };
    const load = (version: ServedVersion) => backendOf(stub).load(stub.url, version, signal);
    await expect(load(other)).rejects.toThrow("trained on base@2, and this server serves base@1");
    await expect(load(version("qa", 3))).rejects.toThrow("does not name its base model");
    expect(stub.seen).toEqual([]);
  });

  it("loads no adapter whose files are not there, and says why they are not", async () => {
    const stub = await startStubVllm([]);
    stub.missing = "qa-v1 is damaged";
    await expect(backendOf(stub).load(stub.url, v1, signal)).rejects.toThrow("qa-v1 is damaged");
    expect(stub.seen).toEqual([]);
  });
});
