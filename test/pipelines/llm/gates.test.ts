import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Services, startServices } from "../services.ts";
import { StubLlm } from "./serving.ts";
import { type AdapterOptions, measuredLoads, rightAnswer, samples, World } from "./world.ts";

let services: Services;
const worlds: World[] = [];

beforeAll(async () => {
  services = await startServices({ mlflow: true });
  Object.assign(process.env, services.environment);
});

afterAll(async () => {
  await Promise.all(worlds.map((world) => world.close()));
  await services?.dispose();
});

async function worldOf(model: string): Promise<World> {
  const world = await World.start(services, model);
  worlds.push(world);
  return world;
}

/** A world in which version 1 is live. */
async function worldWithLive(model: string): Promise<World> {
  const world = await worldOf(model);
  await world.promote(await world.stage(await world.train()));
  return world;
}

/** Answers as everybody does, but for one version. */
function except(
  servedName: string,
  answer: (prompt: string) => string,
): (name: string, prompt: string) => string {
  return (name, prompt) =>
    name === servedName ? answer(prompt) : name === StubLlm.base ? "a story" : rightAnswer(prompt);
}

const indexOf = (prompt: string): number => samples.findIndex((sample) => sample.prompt === prompt);

describe("an adapter", () => {
  it("goes from training to live through every gate, and the next one after it", async () => {
    const world = await worldWithLive("chain");
    const { live, evidence } = (await world.record()) ?? {};
    expect(live).toMatchObject({
      servedName: "chain-v1",
      artifact: { prefix: "lora/chain-v1" },
      base: { model: "tiny-docs", revision: StubLlm.base.split("@")[1] },
    });
    expect(evidence?.map(({ gate }) => gate).sort()).toEqual(["evaluation", "loss", "performance", "smoke"]);
    const files = await world.store.list("lora/chain-v1/");
    expect(files.map(({ key }) => key)).toEqual([
      "lora/chain-v1/adapter_config.json",
      "lora/chain-v1/adapter_model.safetensors",
      "lora/chain-v1/manifest.json",
      "lora/chain-v1/metadata.json",
    ]);
    // The first model's figures are the anchor for good.
    expect(await world.store.get("anchors/chain.json")).toBeDefined();

    const version = await world.stage(await world.train());
    const aliases = Object.fromEntries(await world.client.getAliases("chain-adapter"));
    expect(aliases).toEqual({ live: "1", staged: "2", candidate: "2" });
    const gradings = world.judge.requests;
    const evaluated = await world.evaluate(version);
    expect(evaluated.code, evaluated.log).toBe(0);
    // Both answered as version 1 did, whose grades are known.
    expect(world.judge.requests).toBe(gradings);
    expect(evaluated.outputs.page).toContain("chain-v2: evaluation passed");
    expect((await world.perform(version)).code).toBe(0);
    await world.do("canary", world.canaryFlags(version));
    expect((await world.record())?.canaryShare).toBe(0.5);
    await world.do("commit", { model: "chain", version });
    const record = await world.record();
    expect(record?.live?.servedName).toBe("chain-v2");
    expect(record?.previous?.servedName).toBe("chain-v1");
    expect(record?.canaryShare).toBeUndefined();
    const { runId } = record?.live?.source ?? { runId: "" };
    const run = await world.client.getRun(runId);
    expect((await world.client.artifacts.list(run, "gates")).sort()).toEqual(
      [
        "canary.json",
        "evaluation.html",
        "evaluation.json",
        "loss.json",
        "performance.json",
        "smoke.json",
      ].map((file) => expect.stringContaining(file)),
    );
    // Everything can run again.
    await world.do("commit", { model: "chain", version });
    await world.do("rollback", { model: "chain", from: "chain-v2" });
    expect((await world.record())?.live?.servedName).toBe("chain-v1");
  });

  it.each<[string, AdapterOptions, string, string]>([
    ["has not learnt", { loss: 0.9 }, "gate-loss", "gate loss failed: loss: 0.92"],
    ["is not what was measured", { spoil: corrupt }, "gate-loss", "stored file"],
    [
      "is cut off",
      { spoil: (weights) => weights.subarray(0, -4) },
      "gate-loss",
      "it is cut off or corrupted",
    ],
    [
      "has too large a rank",
      { rank: 64 },
      "register-candidate",
      "its rank is 64, the servers load at most 16",
    ],
  ])("that %s is not chosen", async (title, options, step, because) => {
    const world = await worldOf(`bad-${title.replaceAll(" ", "-")}`);
    const adapter = await world.train(options);
    const gate = await world.run("gate-loss", { measurement: adapter.loss });
    const chosen = await world.run("register-candidate", {
      model: world.model,
      "registered-model": `${world.model}-adapter`,
      "registered-version": adapter.registeredVersion,
    });
    expect(step === "gate-loss" ? gate.log : chosen.log).toContain(because);
    expect(chosen.code).not.toBe(0);
    expect(await world.record()).toBeUndefined();
  });

  it("for another base is not chosen, and not told apart on the wrong one", async () => {
    const world = await worldOf("other-base");
    const adapter = await world.train({ revision: "f".repeat(40) });
    world.variables = { MLOPS_LLM_BASE_REVISION: "0123456789abcdef0123456789abcdef01234567" };
    await world.do("gate-loss", { measurement: adapter.loss });
    const flags = {
      model: "other-base",
      "registered-model": "other-base-adapter",
      "registered-version": adapter.registeredVersion,
    };
    const refused = await world.run("register-candidate", flags);
    expect(refused).toMatchObject({
      code: 2,
      log: expect.stringContaining("the servers hold tiny-docs@0123"),
    });
    // Where nobody said which revision is served, the servers do.
    world.variables = {};
    await world.do("register-candidate", flags);
    const { outputs } = await world.do(
      "claim-version",
      { model: "other-base", "registered-version": adapter.registeredVersion },
      ["version"],
    );
    const version = { model: "other-base", version: outputs.version ?? "" };
    for (const step of ["metadata", "upload", "load"]) await world.do(step, version);
    const smoke = await world.run("smoke", { ...version, samples: world.samples(4) });
    expect(smoke).toMatchObject({ code: 3, log: expect.stringContaining("was trained on tiny-docs@ffff") });
  });
});

describe("a gate stops", () => {
  it("an adapter that a replica mistakes for live, or that answers as its base", async () => {
    const world = await worldWithLive("mistaken");
    world.serving.mistaken = { "mistaken-v2": "mistaken-v1" };
    await expect(world.stage(await world.train())).rejects.toThrow("differs from live at");
    world.serving.mistaken = { "mistaken-v2": StubLlm.base };
    const again = { model: "mistaken", version: "2", samples: world.samples(4) };
    expect(await world.run("smoke", again)).toMatchObject({
      code: 3,
      log: expect.stringContaining("differs from base model at"),
    });
    world.serving.mistaken = {};
    await world.do("smoke", again);
  });

  it("a model that answers worse, and says why with examples", async () => {
    const world = await worldWithLive("worse");
    const version = await world.stage(await world.train());
    world.serving.answers = except("worse-v2", (prompt) =>
      indexOf(prompt) % 4 === 1 ? "<script>alert(1)</script> It is not" : rightAnswer(prompt),
    );
    const { code, log, outputs } = await world.evaluate(version);
    expect(code).toBe(3);
    expect(log).toContain("gate evaluation failed");
    expect(log).toContain("A against live");
    expect(outputs.page).toContain("&lt;script&gt;alert(1)&lt;/script&gt; It is not");
    expect(outputs.page).not.toContain("<script>");
    await refusedPromotion(world, version, "gate evaluation has not passed");
  });

  it("a model that invents answers where the documentation does not say", async () => {
    const world = await worldWithLive("invents");
    const version = await world.stage(await world.train());
    world.serving.answers = except("invents-v2", (prompt) =>
      samples[indexOf(prompt)]?.negative && indexOf(prompt) % 8 === 0 ? "It is 42." : rightAnswer(prompt),
    );
    const { code, log } = await world.evaluate(version);
    expect(code).toBe(3);
    expect(log).toContain("refusal: 45 of 60 questions without an answer are refused");
  });

  it("a model that is slow, slower than live, or slower than the anchor", async () => {
    const world = await worldWithLive("slow");
    const version = await world.stage(await world.train());
    const slow = await world.perform(version, 9, 9);
    expect(slow).toMatchObject({
      code: 3,
      log: expect.stringContaining("latency P95: 9.000 s, less than 8 s"),
    });
    const slower = await world.perform(version, 0.25, 0.2);
    expect(slower.log).toContain("latency P95 against live: 0.250 to 0.200, 1.250 times");
    // As fast as a live version that has become slow itself, little by little.
    const drifted = await world.perform(version, 0.25, 0.25);
    expect(drifted.log).toContain("gate performance failed: latency P95 against the anchor");
    expect(drifted.log).not.toContain("against live: 0.250 to 0.250, 1.250");
    const elsewhere = await world.perform(version, 0.2, 0.2, { cores: 2 });
    expect(elsewhere.outputs.verdict).toBe("inconclusive");
    expect(elsewhere.log).toContain("cores: 2, anchor 1");
    await refusedPromotion(world, version, "gate performance has not passed");
  });

  it("nothing where a person has fixed another anchor", async () => {
    const world = await worldWithLive("anchored");
    const version = await world.stage(await world.train());
    expect((await world.perform(version, 0.25, 0.25)).code).toBe(3);
    const loads = world.write("loads.json", JSON.stringify(measuredLoads(await world.record(), 0.25, 0.25)));
    await world.do("fix-anchor", { model: "anchored", loads });
    expect((await world.perform(version, 0.25, 0.25)).code).toBe(0);
  });
});

describe("the judge", () => {
  it("that is down stops the evaluation with an error, and the candidate stays staged", async () => {
    const world = await worldWithLive("judge-down");
    const version = await world.stage(await world.train());
    // Nothing of what it says is known for these answers.
    world.serving.answers = (name, prompt) => (name === StubLlm.base ? "x" : `${rightAnswer(prompt)} `);
    const flags = { model: "judge-down", version, samples: world.samples(), "judge-patience": "1" };
    world.judge.mode = "down";
    const down = await world.run("evaluate-llm", flags);
    expect(down).toMatchObject({
      code: 1,
      log: expect.stringMatching(/the judge at .* answers 503 \(gave up/),
    });
    world.judge.mode = "refuses";
    const refused = await world.run("evaluate-llm", flags);
    expect(refused).toMatchObject({ code: 2, log: expect.stringContaining("refuses with 401") });
    expect(refused.log).not.toContain("key-of-nobody");
    world.variables = { MLOPS_JUDGE_URL: "" };
    const none = await world.run("evaluate-llm", flags);
    expect(none).toMatchObject({ code: 2, log: expect.stringContaining("there is no judge") });
    const record = await world.record();
    expect([record?.live?.version, record?.candidate?.version]).toEqual([1, 2]);
  });

  it("that returns garbage decides nothing", async () => {
    const world = await worldWithLive("garbage");
    const version = await world.stage(await world.train());
    world.serving.answers = (name, prompt) => (name === StubLlm.base ? "x" : `${rightAnswer(prompt)} `);
    world.judge.mode = "garbage";
    const before = world.judge.requests;
    const { code, outputs, log } = await world.evaluate(version);
    expect([code, outputs.verdict]).toEqual([3, "inconclusive"]);
    expect(log).toContain("samples lack a grade");
    // It is not asked for everything when nothing can be decided any more.
    expect(world.judge.requests - before).toBeLessThan(100);
    await refusedPromotion(world, version, "gate evaluation has not passed");
  });

  it("that flips 27 % of the answers decides nothing, whatever it says", async () => {
    const world = await worldWithLive("noisy");
    const version = await world.stage(await world.train());
    world.serving.answers = (name, prompt) => (name === StubLlm.base ? "x" : `${rightAnswer(prompt)} `);
    world.judge.errorRate = 0.15;
    const { code, outputs, log } = await world.evaluate(version);
    expect([code, outputs.verdict]).toEqual([3, "inconclusive"]);
    const flips = Number(/differ for ([\d.]+) % of 120 answers/.exec(log)?.[1]);
    expect(flips).toBeGreaterThan(14);
    expect(flips).toBeLessThan(40);
    await refusedPromotion(world, version, "gate evaluation has not passed");
  });
});

describe("a prompt that is too long for the servers", () => {
  it("stops the evaluation as wrong input, and nothing has changed", async () => {
    const world = await worldWithLive("long");
    const version = await world.stage(await world.train());
    const before = await world.record();
    world.serving.status = () => 400;
    const flags = { model: "long", version, samples: world.samples() };
    const { code, log } = await world.run("evaluate-llm", flags);
    expect(code).toBe(2);
    expect(log).toMatch(/refuses a prompt of \d+ characters/);
    expect(await world.record()).toEqual(before);
  });
});

describe("the object store", () => {
  it("that stays away fails a promotion with what could not be reached, and live stays", async () => {
    const world = await worldWithLive("unreachable");
    const version = await world.stage(await world.train());
    const before = await world.record();
    world.variables = { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" };
    const { code, log } = await world.run("commit", { model: "unreachable", version });
    expect(code).toBe(1);
    expect(log).toContain("127.0.0.1:9");
    expect(await world.record()).toEqual(before);
  });
});

describe("live", () => {
  it("is reached from no state by a shortcut", async () => {
    const world = await worldWithLive("shortcut");
    const { model } = world;
    const before = await world.record();
    const adapter = await world.train();
    const commit = (version: string) => world.run("commit", { model, version });
    // Neither claimed, nor only claimed, nor only staged, nor with some gates passed.
    expect((await commit("2")).code).toBe(2);
    await world.approve(adapter);
    await world.do("claim-version", { model, "registered-version": adapter.registeredVersion });
    expect((await commit("2")).code).toBe(2);
    const version = await world.stage(adapter);
    expect(version).toBe("2");
    await refusedPromotion(world, version, "gate evaluation has not passed");
    const canary = await world.run("canary", world.canaryFlags(version));
    expect(canary).toMatchObject({ code: 3, log: expect.stringContaining("may not get live traffic") });
    expect((await world.evaluate(version)).code).toBe(0);
    await refusedPromotion(world, version, "gate performance has not passed");
    expect((await world.record())?.live).toEqual(before?.live);
  });

  it("is only one: of two candidates the older is displaced, and a comparison with what was live is void", async () => {
    const world = await worldWithLive("two");
    const { model } = world;
    const older = await world.stage(await world.train());
    expect((await world.evaluate(older)).code).toBe(0);
    const newer = await world.stage(await world.train());
    expect((await world.perform(older)).code).toBe(3);
    const displaced = await world.run("commit", { model, version: older });
    expect(displaced).toMatchObject({
      code: 3,
      log: expect.stringContaining("it was withdrawn or displaced"),
    });
    await world.promote(newer);
    expect((await world.record())?.live?.version).toBe(3);

    // Compared with 3, then 3 is rolled back.
    const late = await world.stage(await world.train());
    expect((await world.evaluate(late)).code).toBe(0);
    expect((await world.perform(late)).code).toBe(0);
    const asked = { model, version: late, samples: world.samples() };
    const before = await world.do("evaluate-llm", asked, ["measurement"]);
    const loads = world.write("loads.json", JSON.stringify(measuredLoads(await world.record(), 0.2, 0.2)));
    await world.do("rollback", { model, from: "two-v3" });
    const measurement = before.paths.measurement ?? "";
    expect(await world.run("gate-evaluation", { model, version: late, measurement })).toMatchObject({
      code: 3,
      log: expect.stringContaining("was compared with version 3 of two-adapter, but version 1"),
    });
    expect(await world.run("gate-performance", { ...asked, loads })).toMatchObject({
      code: 3,
      log: expect.stringContaining("two-v4 against two-v3 was measured, but two-v4 against two-v1 is wanted"),
    });
    const stale = await world.run("commit", { model, version: late });
    expect(stale).toMatchObject({ code: 3, log: expect.stringContaining("gate evaluation is stale") });
  });
});

describe("a canary", () => {
  async function staged(model: string): Promise<{ world: World; version: string }> {
    const world = await worldWithLive(model);
    const version = await world.stage(await world.train());
    expect((await world.evaluate(version)).code).toBe(0);
    expect((await world.perform(version)).code).toBe(0);
    return { world, version };
  }

  it("ends by itself on errors, and the candidate gets no more requests of live", async () => {
    const { world, version } = await staged("errors");
    world.serving.status = (name) => (name === "errors-v2" ? 500 : 200);
    const { code, log } = await world.run("canary", { ...world.canaryFlags(version), shares: "0.5,0.9" });
    expect(code).toBe(3);
    expect(log).toMatch(/gate canary failed: .*requests failed/);
    const record = await world.record();
    expect(record?.canaryShare).toBeUndefined();
    expect(record?.live?.version).toBe(1);
    expect(record?.candidate?.version).toBe(2);
  });

  it("ends by itself on latency", async () => {
    const { world, version } = await staged("latency");
    world.serving.seconds = (name) => (name === "latency-v2" ? 0.4 : 0.02);
    const { code, log } = await world.run("canary", { ...world.canaryFlags(version), shares: "0.5,0.9" });
    expect(code).toBe(3);
    expect(log).toContain("latency P95 against live");
    expect((await world.record())?.canaryShare).toBeUndefined();
  });

  it("ends by itself when the candidate refuses to answer", async () => {
    const { world, version } = await staged("refusals");
    world.serving.answers = except("refusals-v2", () => "The documentation does not say.");
    const { code, log } = await world.run("canary", { ...world.canaryFlags(version), shares: "0.5,0.9" });
    expect(code).toBe(3);
    expect(log).toContain("answerable questions were refused");
    expect((await world.record())?.canaryShare).toBeUndefined();
  });

  it("keeps its share while it is watched: nobody else is staged meanwhile", async () => {
    const { world, version } = await staged("watched");
    const watching = world.run("canary", { ...world.canaryFlags(version), seconds: "4" });
    await vi.waitFor(async () => expect((await world.record())?.canaryShare).toBe(0.1), 20_000);
    await expect(world.stage(await world.train())).rejects.toThrow(
      "cannot stage watched-v3: a canary of watched-v2 is running; end it first",
    );
    expect(await watching).toMatchObject({ code: 0 });
    const record = await world.record();
    expect([record?.live?.version, record?.candidate?.version]).toEqual([1, 2]);
  });

  it("is ended by a step of its own after it was killed", async () => {
    const { world, version } = await staged("killed-canary");
    const { model } = world;
    await world.do("canary", world.canaryFlags(version));
    expect((await world.record())?.canaryShare).toBe(0.5);
    await world.do("end-canary", { model, version });
    expect((await world.record())?.canaryShare).toBeUndefined();
    await world.do("end-canary", { model, version });
    await world.do("withdraw", { model, version });
    expect(await world.store.list(`lora/${model}-v2/`)).toEqual([]);
    expect((await world.record())?.live?.version).toBe(1);
  });
});

async function refusedPromotion(world: World, version: string, because: string): Promise<void> {
  const { code, log } = await world.run("commit", { model: world.model, version });
  expect(code).toBe(3);
  expect(log).toContain(because);
  expect((await world.record())?.live?.version).toBe(1);
}

/** Another last byte: the file can be read, and is another one. */
function corrupt(weights: Buffer): Buffer {
  const other = Buffer.from(weights);
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  return other;
}
