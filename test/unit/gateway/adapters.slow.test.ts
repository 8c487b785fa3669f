import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Adapters, type AdaptersOptions, type Backend } from "@mlops/gateway";
import { type ServedVersion, servedName, sumOf, versionPrefix, writeManifest } from "@mlops/registry";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../registry/memoryStore.ts";
import { publish, quiet, record, until } from "./world.ts";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

/** A stored adapter. @param files besides its weights; by default its configuration. */
async function adapter(
  store: MemoryStore,
  model: string,
  number: number,
  files: Readonly<Record<string, string>> = { "adapter_config.json": "{}" },
): Promise<ServedVersion> {
  const name = servedName(model, number);
  const prefix = versionPrefix("vllm", name);
  const all = { ...files, "adapter_model.safetensors": `weights of ${name}` };
  const source = { runId: "run", registeredModel: model, registeredVersion: String(number) };
  const entries = Object.entries(all).map(([path, text]) => ({
    path,
    content: new TextEncoder().encode(text),
  }));
  for (const { path, content } of entries) await store.put(`${prefix}/${path}`, content);
  const sha256 = await writeManifest(store, prefix, {
    schemaVersion: 1,
    servedName: name,
    files: entries.map(({ path, content }) => ({ path, size: content.length, sha256: sumOf(content) })),
    source,
  });
  return { version: number, servedName: name, artifact: { prefix, sha256 }, source };
}

/** Runs it on a folder of its own, before servers that hold `held`. */
async function world(options: Partial<AdaptersOptions> = {}) {
  const store = new MemoryStore();
  const dir = mkdtempSync(join(tmpdir(), "mlops-adapters-"));
  const held = new Set<string>();
  cleanup.push(() => rmSync(dir, { recursive: true, force: true }));
  const start = async () => {
    const adapters = new Adapters({
      host: "127.0.0.1",
      port: 0,
      store,
      dir,
      source: async () => ["http://server"],
      backend: () => ({ held: async () => [...held] }) as unknown as Backend,
      log: quiet,
      maxBytes: 1_000,
      keepMs: 0,
      intervalMs: 10,
      records: { pollMs: 10, listMs: 20 },
      ...options,
    });
    await adapters.start();
    cleanup.push(() => adapters.stop());
    return adapters;
  };
  return { store, dir, held, start, adapters: await start() };
}

const wants = (store: MemoryStore, model: string, epoch: number, candidate: ServedVersion | undefined) =>
  publish(store, record(model, epoch, { server: "vllm", ...(candidate === undefined ? {} : { candidate }) }));

describe("adapters", () => {
  it("puts a wanted version where servers read it, all of its files at once, and says that it is there", async () => {
    const { store, dir, adapters } = await world();
    const version = await adapter(store, "qa", 1, {
      "adapter_config.json": "{}",
      "sub/folder/notes.txt": "n",
    });
    const ask = () => fetch(`http://127.0.0.1:${adapters.port}/versions/qa-v1`);
    expect((await ask()).status).toBe(404);
    await wants(store, "qa", 1, version);
    await until(() => existsSync(join(dir, "qa-v1")));
    expect(readFileSync(join(dir, "qa-v1/adapter_model.safetensors"), "utf8")).toBe("weights of qa-v1");
    expect(existsSync(join(dir, "qa-v1/sub/folder/notes.txt"))).toBe(true);
    await until(async () => (await ask()).ok);
    expect(await (await ask()).json()).toEqual({ path: join(dir, "qa-v1") });
    expect(readdirSync(dir)).toEqual(["qa-v1"]);
  });

  it("takes no bad version, says why, and has the others meanwhile", async () => {
    const { store, dir, adapters } = await world();
    const large = await adapter(store, "large", 1, { "adapter_config.json": "x".repeat(1_000) });
    const damaged = await adapter(store, "damaged", 1);
    await store.put(
      "lora/damaged-v1/adapter_model.safetensors",
      new TextEncoder().encode("weights of damaged_v1"),
    );
    const missing = await adapter(store, "missing", 1);
    await store.remove("lora/missing-v1/adapter_config.json");
    const none = await adapter(store, "none", 1, {});
    const other = await adapter(store, "other", 1);
    const good = await adapter(store, "qa", 1);
    const bad = {
      large,
      damaged,
      missing,
      none,
      other: { ...other, artifact: { ...other.artifact, sha256: "0".repeat(64) } },
    };
    for (const [model, version] of Object.entries(bad)) await wants(store, model, 1, version);
    await wants(store, "qa", 1, good);
    await until(() => Object.keys(adapters.status().problems).length === 5);
    expect(adapters.status().problems).toEqual({
      "large-v1":
        "large-v1 is too large: 1019 bytes, of which at most 1000 are taken (MLOPS_ADAPTERS_MAX_BYTES)",
      "damaged-v1":
        "damaged-v1 is damaged: adapter_model.safetensors is not what its manifest says; deploy it again",
      "missing-v1": "missing-v1 is damaged: adapter_config.json is missing",
      "none-v1": "none-v1 is no adapter: it has no adapter_config.json",
      "other-v1": "other-v1: the manifest below lora/other-v1 is not the one that the record names",
    });
    await until(() => adapters.status().present.join() === "qa-v1");
    expect(readdirSync(dir)).toEqual(["qa-v1"]);
  });

  it("has a version as soon as the store answers again", async () => {
    const { store, dir } = await world();
    const version = await adapter(store, "qa", 1);
    await wants(store, "qa", 1, version);
    const get = store.get.bind(store);
    let lost = 2;
    store.get = async (key) => {
      if (key.endsWith(".safetensors") && lost-- > 0) throw new Error("ECONNREFUSED");
      return get(key);
    };
    await until(() => existsSync(join(dir, "qa-v1")));
    expect(lost).toBeLessThan(1);
  });

  it("removes what no record wants, but nothing that a server holds", async () => {
    const { store, dir, held } = await world();
    const version = await adapter(store, "qa", 1);
    await wants(store, "qa", 1, version);
    await until(() => existsSync(join(dir, "qa-v1")));
    held.add("qa-v1").add("qa-v9");
    await wants(store, "qa", 2, await adapter(store, "qa", 2));
    await until(() => existsSync(join(dir, "qa-v2")));
    // Long enough for looks that would have removed it.
    for (let look = 0; look < 5; look++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(readdirSync(dir).sort()).toEqual(["qa-v1", "qa-v2"]);
    held.clear();
    await until(() => !existsSync(join(dir, "qa-v1")));
    expect(readdirSync(dir)).toEqual(["qa-v2"]);
  });

  it("trusts what it finds after a restart only if every file is whole", async () => {
    const { store, dir, adapters, start } = await world();
    await wants(store, "qa", 1, await adapter(store, "qa", 1));
    await wants(store, "qb", 1, await adapter(store, "qb", 1));
    await until(() => adapters.status().present.length === 2);
    await adapters.stop();
    writeFileSync(join(dir, "qa-v1/adapter_model.safetensors"), "cut");
    writeFileSync(join(dir, ".partial-left"), "by a process that was killed");
    let reads = 0;
    const get = store.get.bind(store);
    store.get = async (key) => {
      if (key.endsWith(".safetensors")) reads++;
      return get(key);
    };
    const again = await start();
    await until(() => again.status().present.length === 2);
    expect(readFileSync(join(dir, "qa-v1/adapter_model.safetensors"), "utf8")).toBe("weights of qa-v1");
    expect(reads).toBe(1);
    expect(readdirSync(dir).sort()).toEqual(["qa-v1", "qb-v1"]);
  });
});
