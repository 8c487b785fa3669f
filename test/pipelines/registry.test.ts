import {
  claimVersion,
  type ModelRecord,
  type ObjectStore,
  readManifest,
  rollback,
  s3Bucket,
  withRetries,
  writeManifest,
} from "@mlops/registry";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { change, deploy, fileOf, model, recordOf, sourceOf } from "../unit/registry/deployments.ts";
import { FaultProxy } from "./faultProxy.ts";
import { type Services, startServices } from "./services.ts";

let services: Services;
let proxy: FaultProxy;
let store: ObjectStore;

beforeAll(async () => {
  services = await startServices({ mlflow: false });
  Object.assign(process.env, services.environment);
  proxy = await FaultProxy.start(services.minioUrl, { keepHost: true });
});

afterAll(async () => {
  await proxy?.close();
  await services?.dispose();
});

beforeEach(async () => {
  proxy.reset();
  store = bucket();
  for (const { key } of await store.list("")) await store.remove(key);
});

/** A client of its own, as every process has. */
function bucket(policy = { deadlineMs: 20_000, firstDelayMs: 10, maximumDelayMs: 200 }): ObjectStore {
  return withRetries(
    s3Bucket({ bucket: "model-registry", region: "us-east-1", endpoint: proxy.url }),
    policy,
  );
}

describe("a real object store", () => {
  it("writes a key once, and over the version that was read only", async () => {
    const text = new TextEncoder();
    const first = await store.put("a/1", text.encode("one"), { absent: true });
    expect(first).toBeDefined();
    expect(await store.put("a/1", text.encode("two"), { absent: true })).toBeUndefined();
    const second = await store.put("a/1", text.encode("two"), { etag: first ?? "" });
    expect(second).toBeDefined();
    expect(await store.put("a/1", text.encode("three"), { etag: first ?? "" })).toBeUndefined();
    expect(await store.put("a/2", text.encode("one"), { etag: first ?? "" })).toBeUndefined();
    expect((await store.get("a/1"))?.etag).toBe(second);
    expect(await store.get("a/3")).toBeUndefined();
    expect(await store.list("a/")).toEqual([{ key: "a/1", size: 3 }]);
    await store.remove("a/1");
    await store.remove("a/1");
    expect(await store.list("")).toEqual([]);
  });

  it("completes a version once, and again with the same content", async () => {
    const content = {
      schemaVersion: 1 as const,
      servedName: "digits-v1",
      files: [{ path: "1/model.onnx", size: 4, sha256: fileOf(1) }],
      source: sourceOf(1),
    };
    expect(await readManifest(store, "triton/digits-v1")).toBeUndefined();
    const sum = await writeManifest(store, "triton/digits-v1", content);
    expect(await writeManifest(store, "triton/digits-v1", content)).toBe(sum);
    expect((await readManifest(store, "triton/digits-v1"))?.sha256).toBe(sum);
    await expect(writeManifest(store, "triton/digits-v1", { ...content, files: [] })).rejects.toThrow(
      "a version never changes",
    );
  });
});

describe("writers at the same time", () => {
  it("claim numbers without gap or double, though every third answer is lost", async () => {
    let count = 0;
    proxy.decide = () => (++count % 3 === 0 ? "lose answer" : "pass");
    const claims = Array.from({ length: 12 }, (_, n) =>
      claimVersion(
        bucket(),
        model,
        { source: sourceOf(n), sha256: fileOf(n), format: "f" },
        `writer ${n}`,
        {},
      ),
    );
    const numbers = await Promise.all(claims);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  });

  it("promote exactly one of several first deployments, and tell the others why", async () => {
    let count = 0;
    proxy.decide = () => (++count % 7 === 0 ? "lose answer" : "pass");
    const results = await Promise.allSettled([1, 2, 3, 4].map((n) => deploy(bucket(), n, undefined)));
    const won = results.filter((result) => result.status === "fulfilled");
    const lost = results.filter((result) => result.status === "rejected");
    expect(won.length).toBe(1);
    for (const { reason } of lost) expect((reason as Error).name).toBe("RefusedError");
    expect((await recordOf(store))?.live?.version).toBe(won[0]?.value);
    expect((await recordOf(store))?.previous).toBeUndefined();
  });

  it("change a record once each, however many there are", async () => {
    await deploy(store, 1, undefined);
    await deploy(store, 2, 1);
    const before = (await recordOf(store))?.epoch ?? 0;
    // Each writer rolls back from what it finds live, so every change counts.
    const writers = Array.from({ length: 10 }, (_, writer) =>
      change(bucket(), `writer ${writer}`, (state) => rollback(state, state?.live?.servedName ?? "")),
    );
    const records = (await Promise.all(writers)) as ModelRecord[];
    const epochs = records.map(({ epoch }) => epoch).toSorted((a, b) => a - b);
    expect(epochs).toEqual(Array.from({ length: 10 }, (_, index) => before + 1 + index));
    const last = await recordOf(store);
    expect(last?.live?.servedName).toBe("digits-v2");
    const authors = last?.history?.slice(0, 10).map(({ by }) => by);
    expect(new Set(authors).size).toBe(10);
  });
});

describe("an object store that is away", () => {
  it("is waited for", async () => {
    let refused = 0;
    proxy.decide = () => (refused++ < 5 ? "lose request" : "pass");
    await deploy(store, 1, undefined);
    expect((await recordOf(store))?.live?.servedName).toBe("digits-v1");
  });

  it("is given up after the deadline, with what was tried and where", async () => {
    proxy.decide = () => "lose request";
    const short = bucket({ deadlineMs: 500, firstDelayMs: 50, maximumDelayMs: 100 });
    await expect(recordOf(short)).rejects.toThrow(
      /bucket model-registry at http:\/\/127\.0\.0\.1:\d+: cannot read state\/digits\.json: .*gave up after \d+ attempts/,
    );
  });

  it("that is full is told at once, as such", async () => {
    proxy.decide = ({ method }) =>
      method === "PUT"
        ? {
            status: 507,
            body: "<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold.</Message></Error>",
          }
        : "pass";
    await expect(deploy(store, 1, undefined)).rejects.toThrow("the object store is full");
    expect(await store.list("")).toEqual([]);
  });
});
