import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { Gateway, tritonBackend } from "@mlops/gateway";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../registry/memoryStore.ts";
import { type StubTriton, startStubTriton } from "./stubTriton.ts";
import { gatewayOptions, infer, publish, record, startGateway, until, version, versionOf } from "./world.ts";

const [v1, v2] = [version("m", 1), version("m", 2)];
const cleanup: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

async function triton(names: readonly string[], port?: number): Promise<StubTriton> {
  const stub = await startStubTriton(names, port);
  cleanup.push(() => stub.kill());
  return stub;
}

async function gatewayOf(
  store: MemoryStore,
  stubs: readonly StubTriton[],
  options: Parameters<typeof startGateway>[2] = {},
): Promise<Gateway> {
  const gateway = await startGateway(store, () => stubs.map(({ url }) => url), options);
  cleanup.push(() => gateway.stop({ noticeMs: 0, limitMs: 0 }));
  return gateway;
}

/** One model whose first version is live, on `stubs` replicas that hold both versions. */
async function oneModel(replicas: number, options: Parameters<typeof startGateway>[2] = {}) {
  const store = new MemoryStore();
  await publish(store, record("m", 1, { live: v1, previous: v2 }));
  const stubs = await Promise.all(Array.from({ length: replicas }, () => triton(["m-v1", "m-v2"])));
  const gateway = await gatewayOf(store, stubs, options);
  await until(async () => (await infer(gateway, "m")).ok);
  return { store, stubs, stub: stubs[0] as StubTriton, gateway };
}

async function adminText(gateway: Gateway, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${gateway.adminPort}${path}`)).text();
}

describe("resolving", () => {
  it("answers by the live version, says which, and follows the record", async () => {
    const { store, gateway, stub } = await oneModel(1);
    const response = await infer(gateway, "m");
    expect([response.status, versionOf(response), response.headers.get("x-mlops-epoch")]).toEqual([
      200,
      "m-v1",
      "1",
    ]);
    await publish(store, record("m", 2, { live: v2, previous: v1 }));
    await until(() => gateway.report().m?.epoch === 2);
    expect(versionOf(await infer(gateway, "m"))).toBe("m-v2");
    expect(stub.seen.findLast((line) => line.startsWith("POST"))).toBe("POST /v2/models/m-v2/infer");
  });

  it("finds a model that comes later, and forgets one whose record is gone", async () => {
    const { store, stub, gateway } = await oneModel(1);
    stub.loaded.add("n-v1");
    expect((await infer(gateway, "n")).status).toBe(404);
    await publish(store, record("n", 1, { live: version("n", 1) }));
    await until(async () => (await infer(gateway, "n")).status === 200);
    await store.remove("state/n.json");
    await until(async () => (await infer(gateway, "n")).status === 404);
  });

  it("never goes back to an older record", async () => {
    const { store, gateway } = await oneModel(1);
    await publish(store, record("m", 5, { live: v2 }));
    await until(() => gateway.report().m?.epoch === 5);
    await publish(store, record("m", 4, { live: v1 }));
    await publish(store, record("other", 1, { live: version("other", 1) }));
    await until(() => gateway.report().other !== undefined);
    expect(gateway.report().m?.epoch).toBe(5);
  });

  it("gives a canary about its share", async () => {
    const draws = [0.1, 0.9, 0.3, 0.29];
    const { store, gateway } = await oneModel(1, { random: () => draws.shift() ?? 0.99 });
    draws.unshift(0.99);
    await publish(store, record("m", 2, { live: v1, candidate: v2, canaryShare: 0.3 }));
    await until(() => gateway.report().m?.epoch === 2);
    draws.splice(0, draws.length, 0.1, 0.9, 0.3, 0.29);
    const answers = [];
    for (let count = 0; count < 4; count++) answers.push(versionOf(await infer(gateway, "m")));
    expect(answers).toEqual(["m-v2", "m-v1", "m-v1", "m-v2"]);
  });

  it("goes on with the last records while the store is down, and says so in its metrics", async () => {
    const { store, gateway } = await oneModel(1);
    store.fault = () => "request lost";
    const age = async (): Promise<number> =>
      Number(/^mlops_gateway_records_age_seconds (\S+)/m.exec(await adminText(gateway, "/metrics"))?.[1]);
    await until(async () => (await age()) > 0.3);
    expect((await infer(gateway, "m")).status).toBe(200);
    await publishDespite(store);
    store.fault = () => "none";
    await until(async () => versionOf(await infer(gateway, "m")) === "m-v2");
    expect(await age()).toBeLessThan(0.3);
  });

  it("is not ready, and reports nothing, before the records were read", async () => {
    const store = new MemoryStore();
    store.fault = () => "request lost";
    const gateway = new Gateway(gatewayOptions(store, () => []));
    await gateway.start();
    cleanup.push(() => gateway.stop({ noticeMs: 0, limitMs: 0 }));
    const status = async (port: number, path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect(await status(gateway.port, "/v2/health/ready")).toBe(503);
    expect(await status(gateway.port, "/v2/health/live")).toBe(200);
    expect((await infer(gateway, "m")).status).toBe(503);
    expect(await status(gateway.adminPort, "/admin/models")).toBe(503);
    store.fault = () => "none";
    await until(async () => (await status(gateway.port, "/v2/health/ready")) === 200);
    expect((await infer(gateway, "m")).status).toBe(404);
    expect(await status(gateway.adminPort, "/admin/models")).toBe(200);
  });
});

describe("counting", () => {
  it("counts a request from its resolution to its answer's last byte", async () => {
    const { stub, store, gateway } = await oneModel(1);
    let finish = (): void => {};
    stub.infer = (_, response) => {
      response.write("first");
      finish = () => response.end("last");
    };
    const response = await infer(gateway, "m");
    // A promotion in between changes nothing for it.
    await publish(store, record("m", 2, { live: v2, previous: v1 }));
    await until(() => gateway.report().m?.epoch === 2);
    expect(gateway.report()).toEqual({ m: { epoch: 2, inFlight: { "m-v1": 1 } } });
    expect(JSON.parse(await adminText(gateway, "/admin/models"))).toEqual(gateway.report());
    finish();
    expect(await response.text()).toBe("firstlast");
    await until(() => gateway.report().m?.inFlight["m-v1"] === undefined);
    const text = await adminText(gateway, "/metrics");
    expect(text).toMatch(/requests_total\{model="m",version="m-v1",code="200"\} [1-9]/);
  });

  it("ends the server's work when the client goes away", async () => {
    const { stub, gateway } = await oneModel(1);
    const closed = new Promise<void>((resolve) => {
      stub.infer = (_, response) => {
        response.write("first");
        response.on("close", () => resolve());
      };
    });
    const leaving = new AbortController();
    const response = await infer(gateway, "m", { signal: leaving.signal });
    leaving.abort();
    await closed;
    await until(() => Object.keys(gateway.report().m?.inFlight ?? {}).length === 0);
    await expect(response.text()).rejects.toThrow();
    expect(await adminText(gateway, "/metrics")).toContain('code="client_gone"} 1');
  });

  it("asks no server for a client that went away while its request waited for a connection", async () => {
    const { stub, gateway } = await oneModel(1, { probe: { probeMs: 20, connections: 1 } });
    const held: (() => void)[] = [];
    stub.infer = (_, response) => held.push(() => response.end());
    const first = infer(gateway, "m");
    await until(() => held.length === 1);
    const leaving = new AbortController();
    const second = infer(gateway, "m", { signal: leaving.signal });
    await until(() => gateway.report().m?.inFlight["m-v1"] === 2);
    leaving.abort();
    await expect(second).rejects.toThrow();
    held[0]?.();
    expect((await first).status).toBe(200);
    // Without an answer to the second: nobody would take it.
    await until(() => gateway.report().m?.inFlight["m-v1"] === undefined);
    expect(held).toHaveLength(1);
  });

  it("refuses what is too much at once", async () => {
    const { stub, gateway } = await oneModel(1, { maxInFlight: 1 });
    const held: (() => void)[] = [];
    stub.infer = (_, response) => held.push(() => response.end());
    const first = infer(gateway, "m");
    await until(() => held.length === 1);
    const second = await infer(gateway, "m");
    expect([second.status, second.headers.get("retry-after")]).toEqual([503, "1"]);
    held[0]?.();
    expect((await first).status).toBe(200);
  });
});

describe("another replica", () => {
  it("is asked when one is killed, and no request fails", async () => {
    const { stubs, gateway } = await oneModel(2);
    const statuses = new Set<number>();
    let going = true;
    const clients = Array.from({ length: 8 }, async () => {
      while (going) statuses.add((await infer(gateway, "m")).status);
    });
    await stubs[0]?.kill();
    await until(() => (stubs[1]?.seen.length ?? 0) > 500);
    going = false;
    await Promise.all(clients);
    expect([...statuses]).toEqual([200]);
  });

  it("is asked when one has lost the version", async () => {
    const { stubs, stub, gateway } = await oneModel(2);
    stub.loaded.clear();
    for (let count = 0; count < 20; count++) expect((await infer(gateway, "m")).status).toBe(200);
    expect(stubs[1]?.seen.filter((line) => line.startsWith("POST")).length).toBeGreaterThanOrEqual(20);
  });

  it("is not asked once the client has got a byte", async () => {
    const { stubs, gateway } = await oneModel(2);
    let asked = 0;
    for (const stub of stubs) {
      stub.infer = (_, response) => {
        asked++;
        response.write("half an answer", () => response.destroy());
      };
    }
    const response = await infer(gateway, "m");
    await expect(response.text()).rejects.toThrow();
    expect(asked).toBe(1);
    await until(async () => (await adminText(gateway, "/metrics")).includes('code="broken"} 1'));
  });

  it("is not asked for a failure of the model", async () => {
    const { stubs, gateway } = await oneModel(2);
    let asked = 0;
    for (const stub of stubs) {
      stub.infer = (_, response) => {
        asked++;
        response.writeHead(500).end('{"error":"bad weights"}');
      };
    }
    const response = await infer(gateway, "m");
    expect([response.status, await response.text(), asked]).toEqual([500, '{"error":"bad weights"}', 1]);
  });

  it("is not asked after three that may have died of the request", async () => {
    const { stubs, gateway } = await oneModel(5);
    let asked = 0;
    for (const stub of stubs) {
      stub.infer = (request) => {
        asked++;
        request.socket.destroy();
      };
    }
    const response = await infer(gateway, "m");
    expect([response.status, asked]).toEqual([502, 3]);
  });

  it("may be the same one after its restart", async () => {
    const { stub, gateway } = await oneModel(1);
    await stub.kill();
    await until(async () =>
      (await adminText(gateway, "/metrics")).includes('ready_replicas{model="m",version="m-v1"} 0'),
    );
    const answer = infer(gateway, "m");
    const again = await triton([], stub.port);
    // Up, but without the version: not asked yet.
    await until(() => again.seen.includes("GET /v2/models/m-v1/ready"));
    expect(again.seen.some((line) => line.startsWith("POST"))).toBe(false);
    again.loaded.add("m-v1");
    expect((await answer).status).toBe(200);
  });

  it("is waited for only so long", async () => {
    const { stub, gateway } = await oneModel(1, { waitMs: 50 });
    await stub.kill();
    const response = await infer(gateway, "m");
    expect([response.status, await response.json()]).toEqual([
      503,
      { error: "no server has m-v1 ready; try again later" },
    ]);
  });

  it("is not asked after a timeout", async () => {
    const { stub, stubs, store } = await oneModel(2);
    const source = async (): Promise<string[]> => stubs.map(({ url }) => url);
    const gateway = await gatewayOf(store, stubs, {
      servers: { triton: { source, backend: tritonBackend, timeoutMs: 50 } },
    });
    let asked = 0;
    for (const one of [stub, stubs[1] as StubTriton]) one.infer = () => asked++;
    expect((await infer(gateway, "m")).status).toBe(504);
    expect(asked).toBe(1);
  });

  it("is chosen by how busy each is", async () => {
    const { stubs, gateway } = await oneModel(2);
    const held: [number[], (() => void)[]] = [[0, 0], []];
    stubs.forEach((stub, index) => {
      stub.infer = (_, response) => {
        (held[0][index] as number)++;
        held[1].push(() => response.end());
      };
    });
    const answers = Array.from({ length: 10 }, () => infer(gateway, "m"));
    await until(() => held[1].length === 10);
    expect(held[0]).toEqual([5, 5]);
    for (const end of held[1]) end();
    await Promise.all(answers);
  });
});

describe("passing", () => {
  it("passes bodies and headers on, and back, without those of a connection", async () => {
    const { stub, gateway } = await oneModel(1);
    stub.infer = (request, response, _, body) => {
      response.setHeader("inference-header-content-length", "7");
      response.setHeader("connection", "close, x-private");
      response.setHeader("x-private", "1");
      response.end(JSON.stringify({ headers: request.headers, body: body.toString() }));
    };
    const headers = { "inference-header-content-length": "3", "content-type": "application/octet-stream" };
    const response = await infer(gateway, "m", { body: "abc", headers });
    const answer = (await response.json()) as { headers: Record<string, string>; body: string };
    expect(answer.body).toBe("abc");
    expect(answer.headers).toMatchObject({ ...headers, "content-length": "3" });
    expect(answer.headers.host).toBe(new URL(stub.url).host);
    expect(response.headers.get("inference-header-content-length")).toBe("7");
    expect(response.headers.get("x-private")).toBeNull();
  });

  it("passes a large body through, once, and none that is too large", async () => {
    const { stub, gateway } = await oneModel(1);
    stub.infer = (_, response, _model, body) => response.end(String(body.length));
    const large = await infer(gateway, "m", { body: Buffer.alloc(1 << 20) });
    expect(await large.text()).toBe(String(1 << 20));
    expect((await infer(gateway, "m", { body: Buffer.alloc((1 << 20) + 1) })).status).toBe(413);
    stub.infer = (request) => request.socket.destroy();
    expect((await infer(gateway, "m", { body: Buffer.alloc(1 << 20) })).status).toBe(502);
  });

  it("asks for the length of a large body that does not say it", async () => {
    const { gateway } = await oneModel(1);
    const request = httpRequest({ port: gateway.port, path: "/v2/models/m/infer", method: "POST" });
    request.on("error", () => {});
    const answered = once(request, "response");
    request.write(Buffer.alloc(100 << 10));
    const [response] = await answered;
    expect(response.statusCode).toBe(411);
    request.destroy();
  });

  it("gives up a request whose client goes away before its body's end", async () => {
    const { stub, gateway } = await oneModel(1);
    const asked = (): string[] => stub.seen.filter((target) => target.endsWith("/infer"));
    const before = asked().length;
    const headers = { "content-length": 100 };
    const request = httpRequest({ port: gateway.port, path: "/v2/models/m/infer", method: "POST", headers });
    request.on("error", () => {});
    request.write("a tenth of it", () => request.destroy());
    await until(async () => (await adminText(gateway, "/metrics")).includes('{code="body_incomplete"} 1'));
    expect(asked()).toHaveLength(before);
    expect(gateway.report().m?.inFlight).toEqual({});
  });

  /** Has the server answer with 64 MiB, as fast as they are taken; how many it has written. */
  function answerLarge(stub: StubTriton): () => number {
    const block = Buffer.alloc(1 << 20);
    let written = 0;
    stub.infer = (_, response) => {
      const more = (): void => {
        while (written < 64 && !response.destroyed) {
          written++;
          if (!response.write(block)) {
            response.once("drain", more);
            return;
          }
        }
        response.end();
      };
      more();
    };
    return () => written;
  }

  it("lets go of a version whose client takes nothing any more", async () => {
    const { stub, store } = await oneModel(1);
    const source = async (): Promise<string[]> => [stub.url];
    const gateway = await gatewayOf(store, [], {
      servers: { triton: { source, backend: tritonBackend, timeoutMs: 300 } },
    });
    answerLarge(stub);
    const request = httpRequest({ port: gateway.port, path: "/v2/models/m/infer", method: "POST" });
    request.end();
    const [response] = await once(request, "response");
    response.on("error", () => {});
    expect(gateway.report().m?.inFlight).toEqual({ "m-v1": 1 });
    await until(() => gateway.report().m?.inFlight["m-v1"] === undefined);
    response.destroy();
  });

  it("takes from the server no faster than the client reads", async () => {
    const { stub, gateway } = await oneModel(1);
    const written = answerLarge(stub);
    const request = httpRequest({ port: gateway.port, path: "/v2/models/m/infer", method: "POST" });
    request.end();
    const [response] = await once(request, "response");
    // Nobody reads: the sockets' buffers fill, and it stops far from the end.
    let before = -1;
    await until(async () => {
      const same = written() === before;
      before = written();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return same && written() > 0;
    });
    expect(written()).toBeLessThan(40);
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(64 << 20);
  }, 20_000);
});

describe("ending", () => {
  it("finishes what is under way, and refuses nothing before it closes", async () => {
    const { stub, gateway } = await oneModel(1);
    const held: (() => void)[] = [];
    stub.infer = (_, response) => held.push(() => response.end("done"));
    const first = infer(gateway, "m");
    await until(() => held.length === 1);
    const ended = gateway.stop({ noticeMs: 100, limitMs: 60_000 });
    cleanup.pop();
    expect((await fetch(`http://127.0.0.1:${gateway.port}/v2/health/ready`)).status).toBe(503);
    const second = infer(gateway, "m");
    await until(() => held.length === 2);
    const refused = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${gateway.port}/v2/health/live`).then(
        () => false,
        () => true,
      );
    await until(refused);
    for (const end of held) end();
    expect([await (await first).text(), await (await second).text()]).toEqual(["done", "done"]);
    await ended;
    await expect(infer(gateway, "m")).rejects.toThrow();
  });
});

async function publishDespite(store: MemoryStore): Promise<void> {
  const { fault } = store;
  store.fault = () => "none";
  await publish(store, record("m", 2, { live: v2, previous: v1 }));
  store.fault = fault;
}
