import { Reconciler, type ReconcilerOptions, tritonBackend } from "@mlops/gateway";
import { type ModelRecord, wantedVersions } from "@mlops/registry";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Backoff } from "../../../apps/gateway/reconcile/backoff.ts";
import { type GatewayState, reasonToKeep } from "../../../apps/gateway/reconcile/gateways.ts";
import { planReplica } from "../../../apps/gateway/reconcile/plan.ts";
import { MemoryStore } from "../registry/memoryStore.ts";
import { type StubTriton, startStubTriton } from "./stubTriton.ts";
import {
  infer,
  publish,
  quiet,
  record,
  startGateway,
  storedVersion,
  until,
  version,
  versionOf,
} from "./world.ts";

const [v1, v2, v3] = [1, 2, 3].map((number) => version("m", number));
const free = (): undefined => undefined;
const none: ReadonlySet<string> = new Set();

describe("planReplica", () => {
  const records = [record("m", 4, { live: v2, previous: v1, candidate: v3 })];

  it("loads what is missing, the live version first", () => {
    const plan = planReplica({ records, held: new Set(), slots: 9, resting: none, inUse: free });
    expect(plan.load.map(({ servedName }) => servedName)).toEqual(["m-v2", "m-v1", "m-v3"]);
  });

  it("unloads what no record wants, but nothing that is in use or not ours", () => {
    const held = new Set(["m-v1", "m-v2", "m-v3", "m-v4", "m-v5", "gone-v1", "by-hand", "m-v0"]);
    const inUse = (model: string, epoch: number, name: string): string | undefined =>
      name === "m-v5" ? `${model} ${epoch}` : undefined;
    const plan = planReplica({ records, held, slots: 9, resting: none, inUse });
    expect(plan.unload).toEqual(["m-v4", "gone-v1"]);
    expect(plan.waiting).toEqual([{ servedName: "m-v5", reason: "stays loaded: m 4" }]);
  });

  it("says which versions have no slot, the candidate's first", () => {
    const plan = planReplica({
      records,
      held: new Set(["m-v9"]),
      slots: 3,
      resting: none,
      inUse: () => "in use",
    });
    expect(plan.load.map(({ servedName }) => servedName)).toEqual(["m-v2", "m-v1"]);
    expect(plan.waiting.at(-1)).toEqual({ servedName: "m-v3", reason: "all 3 slots are taken" });
  });

  it("lets no broken candidate take the slot of another one, but lets it wait for a live version", () => {
    const [a, b] = [version("a", 1), version("b", 1)];
    const both = [record("a", 1, { candidate: a }), record("b", 1, { candidate: b })];
    const plan = (of: typeof both, resting: string) =>
      planReplica({ records: of, held: none, slots: 1, resting: new Set([resting]), inUse: free });
    expect(plan(both, "a-v1").load).toEqual([b]);
    expect(plan(both, "b-v1").load).toEqual([a]);
    expect(plan([record("a", 1, { live: a }), record("b", 1, { candidate: b })], "a-v1").load).toEqual([a]);
  });

  it("comes to rest at what the records want, from whatever a replica holds", () => {
    const number = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
    const parts = fc.record({ live: number, previous: number, candidate: number });
    const names = fc.constantFrom("a-v1", "a-v2", "a-v3", "b-v1", "b-v4", "c-v1");
    const slots = fc.integer({ min: 6, max: 12 });
    fc.assert(
      fc.property(parts, parts, fc.array(names), slots, (a, b, loaded, free_) => {
        const of = (model: string, found: typeof a): ModelRecord => {
          const roles = Object.entries(found).filter(([, value]) => value !== undefined);
          return record(
            model,
            1,
            Object.fromEntries(roles.map(([role, value]) => [role, version(model, Number(value))])),
          );
        };
        const all = [of("a", a), of("b", b)];
        let held = new Set<string>(loaded.slice(0, free_));
        for (let round = 0; round < 2; round++) {
          const plan = planReplica({ records: all, held, slots: free_, resting: none, inUse: free });
          held = new Set([...held, ...plan.load.map(({ servedName }) => servedName)]);
          expect(held.size).toBeLessThanOrEqual(free_);
          held = new Set([...held].filter((name) => !plan.unload.includes(name)));
        }
        const wanted = all.flatMap(wantedVersions).map(({ servedName }) => servedName);
        expect([...held].sort()).toEqual([...new Set(wanted)].sort());
      }),
    );
  });
});

describe("reasonToKeep", () => {
  const gateway = (epoch: number, inFlight = {}): GatewayState => ({
    url: "g",
    report: { m: { epoch, inFlight } },
  });

  it("keeps a version until every gateway has acknowledged the epoch and has nothing under way on it", () => {
    expect(reasonToKeep([gateway(4), gateway(5, { "m-v2": 3 })], "m", 4, "m-v1")).toBeUndefined();
    expect(reasonToKeep([gateway(4), gateway(3)], "m", 4, "m-v1")).toContain("epoch 3, not yet at 4");
    expect(reasonToKeep([gateway(4, { "m-v1": 2 })], "m", 4, "m-v1")).toContain("2 requests");
    expect(reasonToKeep([gateway(4), { url: "h", error: "refused" }], "m", 4, "m-v1")).toContain("refused");
    expect(reasonToKeep([{ url: "h", report: {} }], "m", 4, "m-v1")).toContain("epoch 0");
    expect(reasonToKeep([], "m", 4, "m-v1")).toContain("no gateway");
  });
});

describe("Backoff", () => {
  it("waits longer after each failure, up to half a minute, and begins anew after a success", () => {
    let now = 0;
    const backoff = new Backoff(() => now);
    const waits = Array.from({ length: 9 }, () => backoff.failed("x", "broken").nextAt);
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(backoff.mayTry("x")).toBe(false);
    now = 30_000;
    expect(backoff.mayTry("x")).toBe(true);
    backoff.succeeded("x");
    expect(backoff.failed("x", "broken").attempts).toBe(1);
  });
});

describe("Reconciler", () => {
  const cleanup: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of cleanup.splice(0).reverse()) await end();
  });

  /** Two empty replicas, a gateway, a reconciler, and a model with stored versions 1 to 3. */
  async function world(options: Partial<ReconcilerOptions> = {}) {
    const store = new MemoryStore();
    const versions = await Promise.all([1, 2, 3].map((number) => storedVersion(store, "m", number)));
    const stubs: StubTriton[] = [await startStubTriton(), await startStubTriton()];
    cleanup.push(() => Promise.all(stubs.map((stub) => stub.kill())));
    const gateway = await startGateway(store, () => stubs.map(({ url }) => url));
    cleanup.push(() => gateway.stop({ noticeMs: 0, limitMs: 0 }));
    const reconciler = new Reconciler({
      host: "127.0.0.1",
      port: 0,
      store,
      servers: { triton: { source: async () => stubs.map(({ url }) => url), backend: tritonBackend } },
      gateways: async () => [`http://127.0.0.1:${gateway.adminPort}`],
      log: quiet,
      records: { pollMs: 10, listMs: 20 },
      worker: { intervalMs: 20 },
      ...options,
    });
    await reconciler.start();
    cleanup.push(() => reconciler.stop());
    return { store, stubs, gateway, reconciler, versions };
  }

  const holds = (stub: StubTriton | undefined): string => [...(stub?.loaded ?? [])].sort().join(" ");

  it("makes every replica hold what the record names, and takes away what it drops", async () => {
    const { store, stubs, versions } = await world();
    const [one, two, three] = versions;
    await publish(store, record("m", 1, { candidate: one }));
    await until(() => stubs.every((stub) => holds(stub) === "m-v1"));
    await publish(store, record("m", 2, { live: one, candidate: two }));
    await until(() => stubs.every((stub) => holds(stub) === "m-v1 m-v2"));
    await publish(store, record("m", 3, { live: three, previous: two }));
    await until(() => stubs.every((stub) => holds(stub) === "m-v2 m-v3"));
  });

  it("unloads only when the last request on a version has ended", async () => {
    const { store, stubs, gateway, reconciler, versions } = await world();
    const [one, two, three] = versions;
    await publish(store, record("m", 1, { live: one }));
    await until(async () => (await infer(gateway, "m")).ok);
    const held: (() => void)[] = [];
    for (const stub of stubs) stub.infer = (_, response) => held.push(() => response.end("done"));
    const answer = infer(gateway, "m");
    await until(() => held.length === 1);
    await publish(store, record("m", 2, { live: three, previous: two }));
    await until(() =>
      reconciler
        .status()
        .replicas.every(({ waiting }) => waiting.some((w) => w.reason.includes("1 requests"))),
    );
    expect(stubs.every((stub) => stub.loaded.has("m-v1"))).toBe(true);
    held[0]?.();
    expect(versionOf(await answer)).toBe("m-v1");
    await until(() => stubs.every((stub) => holds(stub) === "m-v2 m-v3"));
  });

  it("unloads nothing while the store or a gateway cannot be read", async () => {
    let gateways: string[] = ["http://127.0.0.1:1"];
    const { store, stubs, gateway, reconciler, versions } = await world({ gateways: async () => gateways });
    const [one, two, three] = versions;
    await publish(store, record("m", 1, { live: one }));
    await until(() => stubs.every((stub) => holds(stub) === "m-v1"));
    await publish(store, record("m", 2, { live: three, previous: two }));
    await until(() =>
      reconciler
        .status()
        .replicas.every(({ waiting }) => waiting.some((w) => w.reason.includes("cannot be asked"))),
    );
    gateways = [`http://127.0.0.1:${gateway.adminPort}`];
    store.fault = () => "request lost";
    await until(() =>
      reconciler
        .status()
        .replicas.every(({ waiting }) => waiting.some((w) => w.reason.includes("cannot be read"))),
    );
    expect(stubs.every((stub) => stub.loaded.has("m-v1"))).toBe(true);
    store.fault = () => "none";
    await until(() => stubs.every((stub) => holds(stub) === "m-v2 m-v3"));
  });

  it("gives a restarted replica its versions back, and a new one the same", async () => {
    const { store, stubs, versions } = await world();
    await publish(store, record("m", 1, { live: versions[0] }));
    await until(() => stubs.every((stub) => holds(stub) === "m-v1"));
    const port = stubs[0]?.port ?? 0;
    await stubs[0]?.kill();
    stubs[0] = await startStubTriton([], port);
    stubs.push(await startStubTriton());
    await until(() => stubs.every((stub) => holds(stub) === "m-v1"));
  });

  it("tries a failed load again, and says why it failed", async () => {
    const { store, stubs, reconciler, versions } = await world();
    let refusals = 2;
    const [stub] = stubs;
    if (stub !== undefined) stub.refuseLoad = () => (refusals-- > 0 ? "out of memory" : undefined);
    await publish(store, record("m", 1, { candidate: versions[0] }));
    const status = () => reconciler.status().models.m?.versions["m-v1"];
    await until(() => status()?.problems[0]?.includes("out of memory") ?? false);
    expect(status()).toMatchObject({ role: "candidate", replicas: 2 });
    await until(() => status()?.ready === 2);
    expect(status()?.problems).toEqual([]);
  });

  it("loads no version that is not complete, damaged, or not the one that the record names", async () => {
    const { store, stubs, reconciler, versions } = await world();
    const [one, two, three] = versions;
    await store.remove("triton/m-v1/manifest.json");
    await store.put("triton/m-v2/1/model.onnx", new Uint8Array(1));
    const other = { ...three, artifact: { ...three?.artifact, sha256: "1".repeat(64) } } as typeof three;
    await publish(store, record("m", 1, { live: one, previous: two, candidate: other }));
    const problems = (name: string): string =>
      reconciler.status().models.m?.versions[name]?.problems.join() ?? "";
    await until(() => problems("m-v1").includes("no manifest"));
    await until(() => problems("m-v2").includes("missing or cut off: 1/model.onnx"));
    await until(() => problems("m-v3").includes("not the one that the record names"));
    expect(stubs.flatMap(({ seen }) => seen).filter((line) => line.endsWith("/load"))).toEqual([]);
  });

  it("answers its status by HTTP", async () => {
    const { store, stubs, reconciler, versions } = await world();
    await publish(store, record("m", 3, { live: versions[0] }));
    const status = async () => (await fetch(`http://127.0.0.1:${reconciler.port}/status`)).json();
    await until(() => stubs.every((stub) => holds(stub) === "m-v1"));
    const versionStatus = { role: "live", ready: 2, replicas: 2, problems: [] };
    await until(() => reconciler.status().models.m?.versions["m-v1"]?.ready === 2);
    expect(await status()).toMatchObject({
      records: { error: null },
      models: { m: { server: "triton", epoch: 3, versions: { "m-v1": versionStatus } } },
    });
    const metrics = await (await fetch(`http://127.0.0.1:${reconciler.port}/metrics`)).text();
    expect(metrics).toContain('mlops_reconciler_missing_replicas{model="m",version="m-v1"} 0');
    expect(metrics).toContain('action="load",outcome="ok"} 2');
  });
});
