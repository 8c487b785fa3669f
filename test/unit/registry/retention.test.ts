import {
  approve,
  claimVersion,
  keys,
  type ObjectStore,
  type RecordState,
  removeOldVersions,
  retire,
  rollback,
  stage,
  wantedVersions,
  withdraw,
} from "@mlops/registry";
import { describe, expect, it } from "vitest";
import {
  change,
  deployFiles,
  fileOf,
  intentOf,
  model,
  recordOf,
  sourceOf,
  versionOf,
} from "./deployments.ts";
import { MemoryStore } from "./memoryStore.ts";

function stateOf(versions: Partial<Record<"live" | "previous" | "candidate", number>>): RecordState {
  const named = Object.entries(versions).map(([part, number]) => [part, versionOf(number)]);
  return { model, server: "triton", evidence: [], ...Object.fromEntries(named) };
}

describe("retire", () => {
  const complete = [1, 2, 3, 4, 5, 6, 7, 8];

  it("keeps live, previous, the newest others, and what is newer than all that is named", () => {
    const state = stateOf({ live: 6, previous: 2 });
    const retired = retire(state, { complete, chosen: [] }, 2);
    // 5 and 4 are the newest others; 7 and 8 may be on their way.
    expect(retired).toEqual({ ...state, retiredThrough: 3 });
    expect(retire(state, { complete, chosen: [] }, 0).retiredThrough).toBe(5);
    expect(retire(state, { complete, chosen: [] }, 4)).toBe(state);
  });

  it("does nothing when nothing is named, or when it runs again", () => {
    const nothing = stateOf({});
    expect(retire(nothing, { complete, chosen: [] }, 0)).toBe(nothing);
    const once = retire(stateOf({ live: 8 }), { complete, chosen: [] }, 1);
    expect(retire(once, { complete: [7, 8], chosen: [] }, 1)).toBe(once);
  });

  it("never takes back what is gone", () => {
    const once = retire(stateOf({ live: 8 }), { complete, chosen: [] }, 1);
    expect(once.retiredThrough).toBe(6);
    expect(retire(once, { complete, chosen: [] }, 7)).toBe(once);
  });

  it("forgets which versions were withdrawn once all of that age are gone", () => {
    const state = { ...stateOf({ live: 8 }), withdrawn: [3, 7] };
    expect(retire(state, { complete, chosen: [] }, 1)).toEqual({
      ...state,
      retiredThrough: 6,
      withdrawn: [7],
    });
    const oldest = retire({ ...state, withdrawn: [3] }, { complete, chosen: [] }, 1);
    expect(oldest).not.toHaveProperty("withdrawn");
  });

  it("stops before a candidate, and before what is chosen and may be on its way", () => {
    const staged = stateOf({ live: 8, candidate: 3 });
    expect(retire(staged, { complete, chosen: [] }, 1).retiredThrough).toBe(2);
    expect(retire(stateOf({ live: 8 }), { complete, chosen: [4] }, 1).retiredThrough).toBe(3);
    expect(retire(stateOf({ live: 8 }), { complete, chosen: [8] }, 1).retiredThrough).toBe(6);
  });
});

describe("a version that is gone", () => {
  const state = (): RecordState => {
    const approved = approve(stateOf({ live: 8 }), { name: model, server: "triton" }, intentOf(2, 8));
    return { ...approved, retiredThrough: 4 };
  };

  it("is not staged again", () => {
    expect(() => stage(state(), versionOf(2), [fileOf(2)])).toThrow(
      "cannot stage digits-v2: it was withdrawn, or removed as an old version; run claim-version again",
    );
    expect(stage(state(), versionOf(9, 2), [fileOf(2)]).candidate).toEqual(versionOf(9, 2));
  });

  it("can still be rolled back to while it is previous, for then its files are there", () => {
    const previous = { ...state(), previous: versionOf(3) };
    expect(rollback(previous, "digits-v8").live).toEqual(versionOf(3));
  });

  it("gives its registered version a new number", async () => {
    const store = new MemoryStore();
    const origin = (n: number) => ({ source: sourceOf(n), sha256: fileOf(n), format: "f" });
    for (const n of [1, 2, 3]) await claimVersion(store, model, origin(n), "test", {});
    expect(await claimVersion(store, model, origin(2), "test", { retiredThrough: 1 })).toBe(2);
    expect(await claimVersion(store, model, origin(2), "test", { retiredThrough: 2 })).toBe(4);
    expect(await claimVersion(store, model, origin(2), "test", { retiredThrough: 2 })).toBe(4);
    expect(await claimVersion(store, model, origin(2), "test", { retiredThrough: 2, withdrawn: [4] })).toBe(
      5,
    );
  });
});

const remove = (store: ObjectStore, kept: number): Promise<string[]> =>
  removeOldVersions(store, { model, kept, actor: "remove" });

async function filesIn(store: ObjectStore): Promise<string[]> {
  return (await store.list("triton/")).map(({ key }) => key);
}

describe("removal", () => {
  it("leaves the versions of a model whose name begins alike", async () => {
    const store = new MemoryStore();
    const put = (key: string) => store.put(key, new TextEncoder().encode("x"));
    for (const n of [1, 2, 3]) await deployFiles(store, n);
    await put("triton/digits-v1-v1/manifest.json");
    await put("triton/digits-v12/1/model.onnx");
    await put("lora/digits-v1/manifest.json");
    expect(await remove(store, 0)).toEqual(["digits-v1"]);
    expect(await filesIn(store)).toEqual([
      "triton/digits-v1-v1/manifest.json",
      "triton/digits-v12/1/model.onnx",
      ...[2, 3].flatMap((n) => [`triton/digits-v${n}/1/model.onnx`, `triton/digits-v${n}/manifest.json`]),
    ]);
    expect((await store.list("lora/")).length).toBe(1);
    expect(await remove(store, 0)).toEqual([]);
  });

  it("goes on with what a withdrawal has left", async () => {
    const store = new MemoryStore();
    for (const n of [1, 2]) await deployFiles(store, n);
    await store.put("triton/digits-v3/1/model.onnx", new TextEncoder().encode("x"));
    expect(await remove(store, 5)).toEqual([]);
    await change(store, "withdraw", (state) => withdraw(state, versionOf(3)));
    expect(await remove(store, 5)).toEqual(["digits-v3"]);
    expect(await filesIn(store)).not.toContain("triton/digits-v3/1/model.onnx");
  });

  it("does nothing for a model that nobody knows", async () => {
    expect(await remove(new MemoryStore(), 0)).toEqual([]);
  });
});

/** The same store, whose first operation that `isIt` waits until it is let go. */
function holding(store: ObjectStore, isIt: (operation: "put" | "remove", key: string) => boolean) {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const wait = async (operation: "put" | "remove", key: string): Promise<void> => {
    if (!isIt(operation, key)) return;
    arrived.resolve();
    await released.promise;
  };
  const held: ObjectStore = {
    description: store.description,
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    put: async (key, body, condition) => {
      await wait("put", key);
      return store.put(key, body, condition);
    },
    remove: async (key) => {
      await wait("remove", key);
      return store.remove(key);
    },
  };
  return { held, arrived: arrived.promise, release: () => released.resolve() };
}

describe("an old version that is deployed again at this very moment", () => {
  async function fiveVersions(): Promise<MemoryStore> {
    const store = new MemoryStore();
    for (const n of [1, 2, 3, 4, 5]) await deployFiles(store, n);
    return store;
  }

  async function expectWhole(store: ObjectStore): Promise<void> {
    const record = await recordOf(store);
    if (record === undefined) throw new Error("there is no record");
    const files = await filesIn(store);
    for (const { artifact } of wantedVersions(record)) {
      expect(files).toContain(`${artifact.prefix}/manifest.json`);
      expect(files).toContain(`${artifact.prefix}/1/model.onnx`);
    }
  }

  it("gets a new number, while the removal of the old one is paused", async () => {
    const store = await fiveVersions();
    const { held, arrived, release } = holding(store, (operation) => operation === "remove");
    const removal = remove(held, 0);
    await arrived;
    expect((await deployFiles(store, 2)).servedName).toBe("digits-v6");
    release();
    expect(await removal).toEqual(["digits-v1", "digits-v2", "digits-v3"]);
    expect((await recordOf(store))?.live?.servedName).toBe("digits-v6");
    await expectWhole(store);
  });

  it("gets a new number, while the withdrawal of the old one is paused", async () => {
    const store = await fiveVersions();
    const claim = (n: number): Promise<number> => {
      const origin = { source: sourceOf(n), sha256: fileOf(n), format: "triton/python/2" };
      return claimVersion(store, model, origin, `deploy ${n}`, {});
    };
    expect(await claim(6)).toBe(6);
    const { held, arrived, release } = holding(store, (operation) => operation === "put");
    const withdrawal = change(held, "withdraw", (state) => withdraw(state, versionOf(6)));
    await arrived;
    const first = await deployFiles(store, 6);
    expect(first.servedName).toBe("digits-v6");
    release();
    await withdrawal;
    // It came to serve meanwhile, and is left.
    expect((await recordOf(store))?.withdrawn).toBeUndefined();

    await change(store, "withdraw", (state) => withdraw(state, versionOf(7)));
    expect(await claim(7)).toBe(7);
    expect((await deployFiles(store, 7)).servedName).toBe("digits-v8");
    await expectWhole(store);
  });

  it("stays, when it came before the removal's decision", async () => {
    const store = await fiveVersions();
    const { held, arrived, release } = holding(store, (operation) => operation === "put");
    const removal = remove(held, 0);
    await arrived;
    expect((await deployFiles(store, 2)).servedName).toBe("digits-v2");
    release();
    expect(await removal).not.toContain("digits-v2");
    expect((await recordOf(store))?.live?.servedName).toBe("digits-v2");
    await expectWhole(store);
  });

  it("is refused, when the removal came before it was staged", async () => {
    const store = await fiveVersions();
    let writes = 0;
    // Its second write of the record.
    const isStage = (operation: string, key: string): boolean =>
      operation === "put" && key === keys.record(model) && ++writes === 2;
    const { held, arrived, release } = holding(store, isStage);
    const deployment = deployFiles(held, 2);
    const failed = expect(deployment).rejects.toThrow(
      "cannot stage digits-v2: it was withdrawn, or removed as an old version",
    );
    await arrived;
    // Another version is chosen meanwhile: what was chosen before is no longer kept.
    await deployFiles(store, 6);
    await remove(store, 0);
    release();
    await failed;
    expect((await recordOf(store))?.live?.servedName).toBe("digits-v6");
    await expectWhole(store);
  });
});
