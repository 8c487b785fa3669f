import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GateReport } from "@mlops/gates";
import {
  changeRecord,
  type Evidence,
  formatJson,
  keys,
  type ModelRecord,
  type ObjectStore,
  requiredGates,
  rollback,
  type ServedVersion,
  sumOf,
} from "@mlops/registry";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StepContext } from "../../../apps/steps/lib/context.ts";
import { Environment } from "../../../apps/steps/lib/environment.ts";
import { recordFinding } from "../../../apps/steps/lib/reports.ts";
import { canary } from "../../../apps/steps/steps/canary.ts";
import { fixAnchor } from "../../../apps/steps/steps/fixAnchor.ts";
import { StubLlm } from "../../pipelines/llm/serving.ts";
import { writtenPerformance } from "../gates/languageMeasurements.ts";
import { publish, record, until, version } from "../gateway/world.ts";
import { MemoryStore } from "../registry/memoryStore.ts";

const model = "qa";
/** Versions of their own artifacts. */
const [v1, v2, v3] = [1, 2, 3].map((number) => version(model, number, sumOf(`${number}`))) as [
  ServedVersion,
  ServedVersion,
  ServedVersion,
];

/** A step's context on a store in memory. */
class TestContext extends StepContext {
  readonly #store: ObjectStore;
  constructor(store: ObjectStore, variables: NodeJS.ProcessEnv) {
    super("test", new Environment(variables), () => {});
    this.#store = store;
  }
  override get registry(): ObjectStore {
    return this.#store;
  }
}

let root: string;
let store: MemoryStore;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "steps-"));
  store = new MemoryStore();
});
afterEach(() => rmSync(root, { recursive: true }));

const contextOf = (variables: NodeJS.ProcessEnv = {}): TestContext =>
  new TestContext(store, { MLOPS_IO_ROOT: root, ...variables });

function write(name: string, content: string): string {
  writeFileSync(join(root, name), content);
  return `/${name}`;
}

/** That a version has passed every gate, compared with version `against`. */
function evidenceFor({ artifact }: ServedVersion, against: number): Evidence[] {
  const report = { uri: "mlflow-artifacts:/report.json", sha256: sumOf("report") };
  return requiredGates.vllm.map(({ gate }) => ({
    gate,
    artifactSha256: artifact.sha256,
    against,
    report,
    at: new Date(0).toISOString(),
  }));
}

async function publishVllm(epoch: number, parts: Partial<ModelRecord>): Promise<void> {
  await publish(store, { ...record(model, epoch, { server: "vllm", ...parts }), ...parts });
}

describe("a gate's finding", () => {
  const finding = (verdict: GateReport["verdict"]) => {
    const data = { name: "docs-qa", version: "v1", sha256: sumOf("data"), split: "test" };
    const report = {
      schemaVersion: 1,
      gate: "evaluation",
      verdict,
      checks: [{ name: "A", verdict, because: "so it is" }],
      numbers: {},
      thresholds: {},
      model: { registeredModel: "qa", registeredVersion: "2", sha256: sumOf("weights") },
      against: 1,
      dataset: data,
      at: new Date(0).toISOString(),
      measurement: {},
    } as GateReport;
    return { report, uri: "mlflow-artifacts:/evaluation.json", sha256: sumOf(formatJson(report)) };
  };
  const evaluated = async (context: TestContext): Promise<boolean> =>
    (await context.record(model)).evidence.some(({ gate }) => gate === "evaluation");

  it.each(["failed", "inconclusive"] as const)("(%s) takes back what it said before", async (verdict) => {
    await publishVllm(1, { live: v1, candidate: v2 });
    const context = contextOf();
    await recordFinding(context, model, finding("passed"), v2.artifact.sha256);
    expect(await evaluated(context)).toBe(true);
    await recordFinding(context, model, finding(verdict), v2.artifact.sha256);
    expect(await evaluated(context)).toBe(false);
  });
});

describe("fix-anchor", () => {
  const { conditions, candidate } = writtenPerformance;
  const fix = (measured: string): Promise<void> => {
    const loads = {
      schema: 1,
      tool: "a benchmark",
      conditions,
      candidate: { served_name: measured, load: candidate.load },
      live: null,
      servers: [],
    };
    const path = write("loads.json", JSON.stringify(loads));
    return fixAnchor.run(contextOf(), { model, loads: path }, () => {});
  };

  it("takes the candidate's load where nothing is live: an anchor of one that never was must not stay", async () => {
    await publishVllm(1, { candidate: v1 });
    await fix("qa-v1");
    expect(store.objects.has(`anchors/${model}.json`)).toBe(true);
  });

  it("takes no other load, and the candidate's only as long as nothing is live", async () => {
    await publishVllm(1, { candidate: v1 });
    await expect(fix("qa-v2")).rejects.toThrow("holds no load of qa-v1");
    await publishVllm(2, { live: v1, candidate: v2 });
    await expect(fix("qa-v2")).rejects.toThrow("holds no load of qa-v1: only what is live can be the anchor");
    await store.remove(keys.record(model));
    await publishVllm(1, {});
    await expect(fix("qa-v2")).rejects.toThrow("holds no load of a live version");
  });
});

describe("canary", () => {
  it("ends as soon as what it is watched beside is rolled back", async () => {
    await publishVllm(1, { live: v2, previous: v1, candidate: v3, evidence: evidenceFor(v3, 2) });
    const serving = await StubLlm.start(store, model);
    try {
      const context = contextOf({
        MLOPS_GATEWAY_URL: serving.url,
        MLOPS_GATEWAY_ADMIN_URLS: serving.url,
      });
      const sample = { id: "1", document: "d", context: "c", question: "q", answer: "a", prompt: "p" };
      const flags = {
        model,
        version: 3,
        samples: write("samples.jsonl", JSON.stringify({ ...sample, negative: false })),
        dataset: "docs-qa",
        "dataset-version": "v1",
        shares: [0.5],
        seconds: 60,
        timeout: 60,
        concurrency: 1,
        "maximum-tokens": 8,
        "minimum-requests": 100,
        "maximum-requests": 1_000_000,
        "maximum-errors": 0.01,
        "maximum-latency-ratio": 1.5,
        "maximum-refusal-gain": 0.1,
      };
      const watched = canary.run(context, flags, () => {});
      const ended = expect(watched).rejects.toThrow("watched beside qa-v2, but qa-v1 is live now");
      await until(async () => (await context.record(model)).canaryShare === 0.5);
      await changeRecord(store, { model, change: (state) => rollback(state, "qa-v2"), actor: "test" });
      await ended;
      expect(await context.record(model)).not.toHaveProperty("canaryShare");
    } finally {
      await serving.close();
    }
  });
});
