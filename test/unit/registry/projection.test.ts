import type { MlflowClient } from "@mlops/mlflow";
import {
  addEvidence,
  aliasesOf,
  approve,
  keys,
  modelRecord,
  projectAliases,
  type RecordState,
  stage,
} from "@mlops/registry";
import { describe, expect, it } from "vitest";
import { change, deploy, evidenceOf, fileOf, intentOf, model, recordOf, versionOf } from "./deployments.ts";
import { MemoryStore } from "./memoryStore.ts";

/** MLflow's aliases of one registered model, in memory; `onSet` runs after each change. */
class Aliases {
  readonly current: Map<string, string>;
  calls = 0;
  onSet: () => Promise<void> = async () => {};

  constructor(initial: Readonly<Record<string, string>> = {}) {
    this.current = new Map(Object.entries(initial));
  }

  readonly client = {
    getAliases: async () => new Map(this.current),
    setAlias: async (_name: string, alias: string, version: string) => {
      this.calls++;
      this.current.set(alias, version);
      await this.onSet();
    },
    deleteAlias: async (_name: string, alias: string) => {
      this.calls++;
      this.current.delete(alias);
      await this.onSet();
    },
  } as unknown as MlflowClient;
}

function namesOf(state: RecordState): Record<string, string> {
  return Object.fromEntries(
    [...aliasesOf(state)].map(([alias, { registeredVersion }]) => [alias, registeredVersion]),
  );
}

async function twoDeployed(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await deploy(store, 1, undefined);
  await deploy(store, 2, 1);
  return store;
}

describe("aliasesOf", () => {
  it("names champion and deploy together, and the roles of the record", async () => {
    const store = await twoDeployed();
    await change(store, "approve", (state) =>
      approve(state, { name: model, server: "triton" }, intentOf(3, 2)),
    );
    const record = await change(store, "stage", (state) => stage(state, versionOf(3), [fileOf(3)]));
    expect(namesOf(modelRecord.parse(record))).toEqual({
      champion: "3",
      deploy: "3",
      staged: "3",
      live: "2",
      previous: "1",
    });
  });

  it("shows an adapter's way through its gates, and clears it once it is live", () => {
    const approved = approve(undefined, { name: model, server: "vllm" }, intentOf(1));
    expect(namesOf(approved)).toEqual({ candidate: "1" });
    const staged = stage(approved, versionOf(1), [fileOf(1)]);
    const evaluated = addEvidence(staged, evidenceOf("evaluation", versionOf(1).artifact.sha256));
    expect(namesOf(evaluated)).toEqual({ candidate: "1", staged: "1", "eval-passed": "1" });
    const { candidate: _live, ...rest } = evaluated;
    expect(namesOf({ ...rest, live: versionOf(1) })).toEqual({ live: "1" });
  });
});

describe("projectAliases", () => {
  it("repairs what was moved, removed or added by hand, leaves other aliases, and then changes nothing", async () => {
    const store = await twoDeployed();
    const aliases = new Aliases({ live: "1", staged: "9", mine: "1" });
    const changes = await projectAliases(store, aliases.client, model);
    expect(changes).toContain("live: 1 -> 2");
    expect(Object.fromEntries(aliases.current)).toEqual({
      champion: "2",
      deploy: "2",
      live: "2",
      previous: "1",
      mine: "1",
    });
    const { calls } = aliases;
    expect(await projectAliases(store, aliases.client, model)).toEqual([]);
    expect(aliases.calls).toBe(calls);
  });

  it("ends with the newest record when that changes meanwhile", async () => {
    const store = await twoDeployed();
    const aliases = new Aliases();
    aliases.onSet = async () => {
      aliases.onSet = async () => {};
      await deploy(store, 3, 2);
    };
    await projectAliases(store, aliases.client, model);
    expect(Object.fromEntries(aliases.current)).toMatchObject({ live: "3", previous: "2", deploy: "3" });
    expect((await recordOf(store))?.live?.version).toBe(3);
  });

  it("has nothing to do without a record", async () => {
    const aliases = new Aliases({ live: "1" });
    expect(await projectAliases(new MemoryStore(), aliases.client, model)).toEqual([]);
    expect(keys.record(model)).toBe("state/digits.json");
    expect(aliases.calls).toBe(0);
  });
});
