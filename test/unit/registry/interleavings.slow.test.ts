import {
  claimVersion,
  keys,
  type ModelRecord,
  manifestKey,
  modelRecord,
  type ObjectStore,
  promote,
  RefusedError,
  readRecord,
  removeOldVersions,
  rollback,
  stage,
  wantedVersions,
  withRetries,
} from "@mlops/registry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { change, deploy, deployFiles, fileOf, model, recordOf, sourceOf, versionOf } from "./deployments.ts";
import { Crash, type Fault, MemoryStore } from "./memoryStore.ts";

const faults = fc.constantFrom<Fault>(
  "none",
  "none",
  "none",
  "request lost",
  "answer lost",
  "crash before",
  "crash after",
);
const policy = { deadlineMs: 60_000, firstDelayMs: 0, maximumDelayMs: 0 };

/** Checks every state that the record ever had, as it is written. */
class Watch {
  readonly states: ModelRecord[] = [];

  constructor(store: MemoryStore) {
    store.onWrite = (key, body) => {
      if (key === `state/${model}.json`) this.#check(JSON.parse(new TextDecoder().decode(body)));
    };
  }

  #check(json: unknown): void {
    const next = modelRecord.parse(json);
    const last = this.states.at(-1);
    this.states.push(next);
    expect(next.epoch).toBe((last?.epoch ?? 0) + 1);
    if (next.live?.servedName !== last?.live?.servedName) {
      expect(next.previous?.servedName).toBe(last?.live?.servedName);
      for (const gate of ["accuracy", "parity", "functional"]) {
        const found = next.evidence.find(
          (entry) => entry.gate === gate && entry.artifactSha256 === next.live?.artifact.sha256,
        );
        expect(found, `evidence of ${gate} for ${next.live?.servedName}`).toBeDefined();
      }
    } else {
      expect(next.previous?.servedName).toBe(last?.previous?.servedName);
    }
  }
}

/** Runs `action` again after every crash, as a workflow is resumed; what the record refuses ends it. */
async function resumed<T>(action: () => Promise<T>): Promise<T | RefusedError> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (error instanceof RefusedError) return error;
      if (!(error instanceof Crash)) throw error;
    }
  }
}

describe("writers at the same time, with crashes and lost answers anywhere", { timeout: 60_000 }, () => {
  it("leave one consistent history, and exactly one of the first deployments wins", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 2, max: 4 }),
        fc.array(faults, { maxLength: 60 }),
        async (scheduler, writers, planned) => {
          const memory = new MemoryStore();
          const watch = new Watch(memory);
          const pending = [...planned];
          memory.fault = () => pending.shift() ?? "none";
          const get = memory.get.bind(memory);
          const put = memory.put.bind(memory);
          memory.get = scheduler.scheduleFunction(get);
          memory.put = scheduler.scheduleFunction(put);
          const store = withRetries(memory, policy);
          const all = Promise.all(
            Array.from({ length: writers }, (_, n) => resumed(() => deploy(store, n + 1, undefined))),
          );
          const outcomes = await scheduler.waitFor(all);
          // All compared themselves with "nothing is live", so only the first to be promoted may win.
          const won = outcomes.filter((outcome) => typeof outcome === "number");
          const promotions = new Set(watch.states.flatMap(({ live }) => live?.servedName ?? []));
          expect(promotions.size).toBeLessThanOrEqual(1);
          expect(won.length).toBe(promotions.size);
          for (const outcome of outcomes) {
            if (typeof outcome !== "number") expect(outcome.message.length).toBeGreaterThan(20);
          }
          memory.fault = () => "none";
          memory.get = get;
          memory.put = put;
          const last = watch.states.at(-1);
          expect(await recordOf(memory)).toEqual(last);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("claims one number for each origin, without a gap", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 6 }),
        fc.array(faults, { maxLength: 40 }),
        async (scheduler, origins, planned) => {
          const memory = new MemoryStore();
          const pending = [...planned];
          memory.fault = () => pending.shift() ?? "none";
          memory.get = scheduler.scheduleFunction(memory.get.bind(memory));
          memory.put = scheduler.scheduleFunction(memory.put.bind(memory));
          const store = withRetries(memory, policy);
          const claims = origins.map((n) =>
            resumed(() =>
              claimVersion(store, model, { source: sourceOf(n), sha256: fileOf(n), format: "f" }, "test", {}),
            ),
          );
          const numbers = (await scheduler.waitFor(Promise.all(claims))) as number[];
          const byOrigin = new Map(origins.map((origin, index) => [origin, numbers[index]]));
          expect(numbers).toEqual(origins.map((origin) => byOrigin.get(origin)));
          expect([...byOrigin.values()].sort()).toEqual([...byOrigin.keys()].map((_, index) => index + 1));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("removal of old versions", { timeout: 60_000 }, () => {
  const remove = (store: ObjectStore, kept: number): Promise<unknown> =>
    resumed(() => removeOldVersions(store, { model, kept, actor: "remove" }));

  /** What was removed under a deployment ends it, as a refusal does. */
  const redeploy = async (store: ObjectStore, n: number): Promise<void> => {
    await resumed(() => deployFiles(store, n)).catch((error: Error) => {
      expect(error.message).toMatch(/was removed at this very moment|has no manifest/);
    });
  };

  it("never touches what the record names, whoever deploys meanwhile and whatever crashes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(faults, { maxLength: 60 }),
        async (scheduler, kept, again, planned) => {
          const memory = new MemoryStore();
          for (const n of [1, 2, 3, 4, 5]) await deployFiles(memory, n);
          let record = (await recordOf(memory)) as ModelRecord;
          const check = (): void => {
            for (const { artifact } of wantedVersions(record)) {
              expect(memory.objects.has(manifestKey(artifact.prefix)), artifact.prefix).toBe(true);
              expect(memory.objects.has(`${artifact.prefix}/1/model.onnx`), artifact.prefix).toBe(true);
            }
          };
          memory.onWrite = (key, body) => {
            if (key !== keys.record(model)) return;
            record = modelRecord.parse(JSON.parse(new TextDecoder().decode(body)));
            check();
          };
          const pending = [...planned];
          memory.fault = () => pending.shift() ?? "none";
          const removeObject = memory.remove.bind(memory);
          memory.remove = scheduler.scheduleFunction(async (key: string) => {
            await removeObject(key).finally(check);
          });
          memory.get = scheduler.scheduleFunction(memory.get.bind(memory));
          memory.put = scheduler.scheduleFunction(memory.put.bind(memory));
          const store = withRetries(memory, { deadlineMs: 60_000, firstDelayMs: 0, maximumDelayMs: 0 });
          const all = Promise.all([
            redeploy(store, 6),
            // An old registered version, whose number may go at this very moment.
            redeploy(store, again),
            remove(store, kept),
            remove(store, 0),
          ]);
          await scheduler.waitFor(all);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("changeRecord", () => {
  it("recognises its own write under those of others, when its answer was lost", async () => {
    const memory = new MemoryStore();
    await deploy(memory, 1, undefined);
    await deploy(memory, 2, 1);
    // The rollback is written, its answer is lost, and another writer rolls forward before the second attempt.
    let lost = false;
    memory.fault = () => "none";
    const flaky = new MemoryStore();
    flaky.get = memory.get.bind(memory);
    flaky.put = async (key, body, condition) => {
      const etag = await memory.put(key, body, condition);
      if (lost || key !== `state/${model}.json`) return etag;
      lost = true;
      await change(memory, "someone else", (state) => rollback(state, "digits-v1"));
      return memory.put(key, body, condition);
    };
    const before = (await recordOf(memory))?.epoch ?? 0;
    const after = await change(flaky, "rollback", (state) => rollback(state, "digits-v2"));
    expect(after?.epoch).toBe(before + 2);
    expect(after?.live?.servedName).toBe("digits-v2");
  });

  it("refuses another epoch than the expected one and says who changed it", async () => {
    const memory = new MemoryStore();
    await deploy(memory, 1, undefined);
    const record = await recordOf(memory);
    const { changeRecord } = await import("@mlops/registry");
    await expect(
      changeRecord(memory, {
        model,
        expectedEpoch: 1,
        change: (state) => promote(state, "x"),
        actor: "test",
      }),
    ).rejects.toThrow(`digits is at epoch ${record?.epoch}, changed by deploy 1, not at 1`);
  });

  it("writes nothing when nothing changes", async () => {
    const memory = new MemoryStore();
    await deploy(memory, 1, undefined);
    const before = await recordOf(memory);
    await change(memory, "again", (state) => stage(state, versionOf(1), []));
    expect(await recordOf(memory)).toEqual(before);
  });

  it("says what is wrong with a record that it cannot read", async () => {
    const memory = new MemoryStore();
    await memory.put(`state/${model}.json`, new TextEncoder().encode("{"));
    await expect(readRecord(memory, model)).rejects.toThrow(
      "state/digits.json in a bucket in memory is not JSON",
    );
    await memory.put(`state/${model}.json`, new TextEncoder().encode('{"schemaVersion":2}'));
    await expect(readRecord(memory, model)).rejects.toThrow("is not as this version writes it");
  });
});
