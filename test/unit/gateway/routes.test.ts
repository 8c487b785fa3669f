import { connect } from "node:net";
import type { Gateway } from "@mlops/gateway";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routeOf } from "../../../apps/gateway/serve/routes.ts";
import { MemoryStore } from "../registry/memoryStore.ts";
import { type StubTriton, startStubTriton } from "./stubTriton.ts";
import { publish, record, startGateway, until, version } from "./world.ts";

const administrative = [
  "/v2/repository/index",
  "/v2/repository/models/digits-v1/load",
  "/v2/repository/models/digits-v1/unload",
  "/v2/models/digits/versions/1/infer",
  "/v2/models/digits/config",
  "/v2/models/digits/stats",
  "/v2/models/digits/trace/setting",
  "/v2/models/digits/generate",
  "/v2/systemsharedmemory/status",
  "/v2/systemsharedmemory/region/x/register",
  "/v2/cudasharedmemory/status",
  "/v2/trace/setting",
  "/v2/logging",
  "/v2",
  "/v2/",
  "/metrics",
  "/admin/models",
  "/v1/load_lora_adapter",
  "/v1/unload_lora_adapter",
  "/v1/embeddings",
  "/tokenize",
  "/",
];

/** Ways to write an administrative path so that a careless comparison lets it through. */
const disguises: ((path: string) => string)[] = [
  (path) => path,
  (path) => path.replaceAll("/", "//"),
  (path) => `/v2/models/digits/..${path}`,
  (path) => `/v2/models/../..${path}`,
  (path) => `/v2/models/%2e%2e${path}`,
  (path) => `/v2/models/digits/%2E%2E/%2e%2e${path}/infer`,
  (path) => path.replaceAll("/", "%2f"),
  (path) => `/v2/models/digits${path}/infer`,
  (path) => `/v2/models/digits/infer/..${path}`,
  (path) => `/v2/models/digits%00/infer${path}`,
  (path) => `http://127.0.0.1${path}`,
  (path) => `HTTP://x@127.0.0.1${path}`,
  (path) => path.toUpperCase(),
  (path) => `${path}?x=/v2/models/digits/infer`,
  (path) => `/v2/models/digits/infer?x=${path}`,
  (path) => `/v2/models/digits/infer#${path}`,
  (path) => `/v2/models/digits/infer;${path}`,
  (path) => `/./${path}`,
  (path) => `/v2/models/%64igits/infer${path}`,
  (path) => `\\${path.replaceAll("/", "\\")}`,
];

const hostile = administrative.flatMap((path) => disguises.map((disguise) => disguise(path)));

describe("routeOf", () => {
  it("passes what clients need", () => {
    expect(routeOf("POST", "/v2/models/digits/infer")).toEqual({
      kind: "kserve",
      model: "digits",
      suffix: "/infer",
    });
    expect(routeOf("GET", "/v2/models/digits")).toEqual({ kind: "kserve", model: "digits", suffix: "" });
    expect(routeOf("GET", "/v2/models/d/ready")).toEqual({ kind: "kserve", model: "d", suffix: "/ready" });
    expect(routeOf("GET", "/v2/health/ready")).toEqual({ kind: "health", of: "ready" });
    expect(routeOf("GET", "/v1/models")).toEqual({ kind: "models" });
    const path = "/v1/chat/completions";
    expect(routeOf("POST", path)).toEqual({ kind: "openai", path });
  });

  it.each(hostile)("refuses %s with every method", (target) => {
    for (const method of ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"]) {
      expect(routeOf(method, target)).toBeUndefined();
    }
  });

  it.each([
    "/v2/models/%64igits/infer",
    "/v2/models/Digits/infer",
    "/V2/models/digits/infer",
    "/v2/models/digits/infe%72",
  ])("refuses %s, which a decoder would take for an allowed one", (target) => {
    expect(routeOf("POST", target)).toBeUndefined();
  });

  it("refuses another method on a path that it knows", () => {
    expect(routeOf("GET", "/v2/models/digits/infer")).toBeUndefined();
    expect(routeOf("POST", "/v2/models/digits")).toBeUndefined();
    expect(routeOf("POST", "/v2/models/digits/ready")).toBeUndefined();
    expect(routeOf("GET", "/v1/completions")).toBeUndefined();
  });

  it("passes no target that any decoding or joining would change", () => {
    const disguised = ["%64igits", "DIGITS", "%69nfer", "Infer", "V2", "%6dodels"];
    const piece = fc.constantFrom(
      ...disguised,
      "v2",
      "models",
      "infer",
      "models",
      "digits",
      "infer",
      "ready",
      "..",
      ".",
      "%2e%2e",
      "",
      "%2f",
      "A",
      "\\",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.constantFrom("GET", "POST"), (pieces, method) => {
        const target = `/${pieces.join("/")}`;
        if (routeOf(method, target) === undefined) return;
        expect(target).toBe(new URL(target, "http://x").pathname);
        expect(target).toBe(decodeURIComponent(target));
        expect(target).toBe(target.toLowerCase());
        expect(target).not.toContain("//");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a gateway", () => {
  let stub: StubTriton;
  let gateway: Gateway;

  beforeAll(async () => {
    stub = await startStubTriton(["digits-v1"]);
    const store = new MemoryStore();
    await publish(store, record("digits", 1, { live: version("digits", 1) }));
    gateway = await startGateway(store, () => [stub.url]);
    await until(() => stub.seen.includes("GET /v2/models/digits-v1/ready"));
  });
  afterAll(async () => {
    await gateway.stop({ noticeMs: 0, limitMs: 0 });
    await stub.kill();
  });

  it("sends nothing of it to a server", async () => {
    const before = stub.loaded.size;
    for (const target of hostile) {
      for (const method of ["GET", "POST"]) {
        const status = await rawRequest(gateway.port, method, target);
        expect([400, 404], `${method} ${target}`).toContain(status);
      }
    }
    const allowed = /^GET \/v2\/(health\/live|models\/digits-v1\/ready)$/;
    expect(stub.seen.filter((line) => !allowed.test(line))).toEqual([]);
    expect(stub.loaded.size).toBe(before);
  });
});

/** Sends a target as it is: fetch would clean it up. */
function rawRequest(port: number, method: string, target: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])));
    socket.write(`${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });
}
