/** Real vLLM with adapters loaded at run time, MinIO, adapters, gateway and reconciler, under constant load. */
import { readFileSync } from "node:fs";
import type { ReconcilerStatus } from "@mlops/gateway";
import type { ModelRecord, ServedVersion } from "@mlops/registry";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { vllmAdminToken } from "../../../tools/serving/specs.ts";
import { publish } from "../serving/world.ts";
import { type Asked, ask, type Load, startLoad } from "./load.ts";
import { replicas, startVllmWorld, type VllmWorld } from "./world.ts";

const CLIENTS = 20;
/** Long streams that are under way when a replica is killed. */
const LONG = 6;
let world: VllmWorld;
let load: Load | undefined;
const epochs = new Map<string, number>();
/** Good versions of the model `qa`. */
let qa: readonly ServedVersion[];

beforeAll(async () => {
  world = await startVllmWorld();
  const made: ServedVersion[] = [];
  for (const number of [1, 2, 3]) made.push(await world.adapter("qa", number));
  qa = made;
});
afterAll(() => world?.destroy());
afterEach(async () => {
  await load?.stop();
  load = undefined;
});

type Roles = Partial<Pick<ModelRecord, "live" | "previous" | "candidate" | "canaryShare">>;

/** Commits a record of `model`, and returns when it was written. */
async function commit(model: string, roles: Roles): Promise<number> {
  const epoch = (epochs.get(model) ?? 0) + 1;
  epochs.set(model, epoch);
  await publish(world.store, model, epoch, { server: "vllm", ...roles });
  return performance.now();
}

async function json<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}

const status = () => json<ReconcilerStatus>(`${world.urls.reconciler}/status`);

async function until(what: string, condition: () => Promise<boolean>, limitMs = 120_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) {
      throw new Error(`${what}: not in ${limitMs} ms; the reconciler says ${JSON.stringify(await status())}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Adapters that one replica lists. */
async function adaptersOf(replica: string): Promise<string[]> {
  const { data } = await json<{ data: { id: string; parent: string | null }[] }>(
    `${world.urls[replica]}/v1/models`,
  );
  return data
    .filter(({ parent }) => parent !== null)
    .map(({ id }) => id)
    .sort();
}

/** Waits until both replicas hold exactly these versions. */
async function held(...versions: readonly (ServedVersion | undefined)[]): Promise<void> {
  const wanted = versions.map((version) => version?.servedName).sort();
  await until(`adapters ${wanted}`, async () => {
    const all = await Promise.all(replicas.map(adaptersOf));
    return all.every((names) => names.join() === wanted.join());
  });
}

/** Waits until the gateway has acknowledged the last epoch of `model`, and returns when. */
async function acknowledged(model: string): Promise<number> {
  await until(`epoch of ${model}`, async () => {
    const report = await json<Record<string, { epoch: number }>>(
      `${world.urls["gateway-admin"]}/admin/models`,
    );
    return (report[model]?.epoch ?? 0) >= (epochs.get(model) ?? 0);
  });
  return performance.now();
}

function begin(model: string, clients = CLIENTS): Load {
  load = startLoad(world.urls.gateway ?? "", model, clients);
  return load;
}

/** Streams that take seconds; `begun` resolves when each has given its first part. */
function longStreams(model: string): { begun: Promise<unknown>; answers: Promise<Asked[]> } {
  const streams = Array.from({ length: LONG }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const gateway = world.urls.gateway ?? "";
    return { begun: promise, answer: ask(gateway, model, `long ${index}`, true, 300, resolve) };
  });
  return {
    begun: Promise.all(streams.map(({ begun }) => begun)),
    answers: Promise.all(streams.map(({ answer }) => answer)),
  };
}

/** Answers whose words are not all of the version that the gateway names. */
function wrong(asked: readonly Asked[]): Asked[] {
  return asked.filter(({ outcome, version, words }) => {
    return outcome === "answered" && words.some((word) => !version?.endsWith(`-${word}`));
  });
}

/** No request failed, and each was answered by the adapter that the gateway named. */
function expectAllAnswered({ asked }: Load): void {
  expect(asked.filter(({ outcome }) => outcome !== "answered").slice(0, 3)).toEqual([]);
  expect(wrong(asked).slice(0, 3)).toEqual([]);
}

/** Versions that answered requests sent after, or ended before, a moment. */
function versionsOf({ asked }: Load, which: { sentAfter?: number; endedBefore?: number }): (string | null)[] {
  const { sentAfter = Number.NEGATIVE_INFINITY, endedBefore = Number.POSITIVE_INFINITY } = which;
  const chosen = asked.filter(({ sentAt, endedAt }) => sentAt > sentAfter && endedAt < endedBefore);
  return [...new Set(chosen.map(({ version }) => version))].sort();
}

function report(what: string, { asked }: Pick<Load, "asked">, more: string): void {
  const streams = asked.filter(({ stream }) => stream).length;
  const ends = [...asked.map(({ sentAt }) => sentAt), ...asked.map(({ endedAt }) => endedAt)];
  const seconds = (Math.max(...ends) - Math.min(...ends)) / 1000;
  const failed = asked.filter(({ outcome }) => outcome === "failed").length;
  const counts = `${asked.length} requests (${streams} streams) of ${CLIENTS} clients in ${seconds.toFixed(1)} s`;
  console.info(`${what}: ${more}; ${counts}, ${failed} failed, ${wrong(asked).length} by a wrong adapter`);
}

function metric(text: string, name: string): number {
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function metricOf(replica: string, name: string): Promise<number> {
  return metric(await (await fetch(`${world.urls[replica]}/metrics`)).text(), name);
}

describe("vLLM behind the gateway", () => {
  it("lets only the reconciler change what a server serves", async () => {
    const url = world.urls["vllm-0"] ?? "";
    const send = async (method: string, path: string, headers: Record<string, string> = {}) => {
      const body = method === "POST" ? { body: JSON.stringify({ lora_name: "x", lora_path: "/x" }) } : {};
      const all = { "content-type": "application/json", ...headers };
      return (await fetch(`${url}${path}`, { method, headers: all, ...body })).status;
    };
    const authorization = `Bearer ${vllmAdminToken(world.minio)}`;
    expect(await send("GET", "/v1/models")).toBe(200);
    expect(await send("GET", "/metrics")).toBe(200);
    for (const path of ["/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/adapters", "/invocations"]) {
      expect(await send("POST", path), path).toBe(403);
      expect(await send("POST", path, { authorization: "Bearer wrong" }), path).toBe(403);
    }
    expect(await send("DELETE", "/adapters/x")).toBe(403);
    // 404: let in, and there is no adapter there.
    expect(await send("POST", "/v1/load_lora_adapter", { authorization })).toBe(404);
  });

  it("loads a candidate on every replica, and answers by it once it is live", async () => {
    const [one] = qa;
    const committed = await commit("qa", { candidate: one });
    await held(one);
    console.info(
      `candidate on both replicas ${Math.round(performance.now() - committed)} ms after its record`,
    );
    const first = await ask(world.urls.gateway ?? "", "qa-candidate", "hello", false);
    expect(first).toMatchObject({ outcome: "answered", version: "qa-v1" });
    await commit("qa", { live: one });
    await acknowledged("qa");
    const running = begin("qa");
    await running.more(60);
    await running.stop();
    expectAllAnswered(running);
    expect(versionsOf(running, {})).toEqual(["qa-v1"]);
  });

  it("switches under load without a failed request or a wrong answer, and rolls back likewise", async () => {
    const [one, two] = qa;
    await commit("qa", { live: one, candidate: two });
    await held(one, two);
    const running = begin("qa");
    await running.more(60);
    const before = performance.now();
    const committed = await commit("qa", { live: two, previous: one });
    const done = await acknowledged("qa");
    await running.more(100);
    const back = await commit("qa", { live: one, previous: two });
    const backDone = await acknowledged("qa");
    await running.more(100);
    await running.stop();
    const [forth, andBack] = [done - committed, backDone - back].map(Math.round);
    report("promotion and rollback", running, `acknowledged after ${forth} ms and ${andBack} ms`);
    expectAllAnswered(running);
    expect(versionsOf(running, { endedBefore: before })).toEqual(["qa-v1"]);
    expect(versionsOf(running, { sentAfter: done, endedBefore: back })).toEqual(["qa-v2"]);
    expect(versionsOf(running, { sentAfter: backDone })).toEqual(["qa-v1"]);
  });

  it("answers one prompt by each adapter, from the prefix cache too", async () => {
    const [one, two, three] = qa;
    const gateway = world.urls.gateway ?? "";
    const prompt = "a long beginning that is the same in every request ".repeat(4);
    const hits = async () => {
      const counts = replicas.map((name) => metricOf(name, "vllm:prefix_cache_hits_total"));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    const before = await hits();
    const askAll = () =>
      Promise.all(
        ["qa-live", "qa-candidate"].flatMap((name) =>
          [0, 1, 2, 3].map(() => ask(gateway, name, prompt, false)),
        ),
      );
    await commit("qa", { live: one, candidate: two });
    await acknowledged("qa");
    const answers = [...(await askAll()), ...(await askAll())];
    // The same names again after one was dropped, another one loaded into its slot, and it came back.
    await commit("qa", { live: one, candidate: three });
    await held(one, three);
    answers.push(...(await askAll()));
    await commit("qa", { live: one, candidate: two });
    await held(one, two);
    answers.push(...(await askAll()));
    expect(answers.every(({ outcome }) => outcome === "answered")).toBe(true);
    expect(wrong(answers)).toEqual([]);
    expect(new Set(answers.map(({ version }) => version))).toEqual(new Set(["qa-v1", "qa-v2", "qa-v3"]));
    expect(await hits()).toBeGreaterThan(before);
  });

  it("says why a bad adapter is not loaded, loads others meanwhile, and leaves live traffic alone", async () => {
    const [one, two] = qa;
    const weights = (path: string): boolean => path.endsWith(".safetensors");
    const bad: readonly (readonly [string, ServedVersion, string])[] = [
      [
        "other-base",
        await world.adapter("other-base", 4, { base: { model: "sentinel-base", revision: "fedcba" } }),
        "was trained on sentinel-base@fedcba, and this server serves sentinel-base@0123456789abcdef",
      ],
      ["rank", await world.adapter("rank", 5, { rank: 32 }), "LoRA rank 32 is greater than max_lora_rank 16"],
      [
        "cut-off",
        await world.adapter("cut-off", 6, {
          change: (path, content) => (weights(path) ? content.subarray(0, 300) : content),
        }),
        "Error while deserializing header",
      ],
      [
        "damaged",
        await world.adapter("damaged", 7),
        "adapter_model.safetensors is not what its manifest says",
      ],
      [
        "no-weights",
        await world.adapter("no-weights", 8, {
          change: (path, content) => (weights(path) ? Buffer.alloc(0) : content),
        }),
        "Error while deserializing header",
      ],
    ];
    const damaged = await world.store.get("lora/damaged-v7/adapter_model.safetensors");
    await world.store.put(
      "lora/damaged-v7/adapter_model.safetensors",
      new Uint8Array(damaged?.body.length ?? 0),
    );
    await commit("qa", { live: one, previous: two });
    await held(one, two);
    const running = begin("qa");
    const good = await world.adapter("good", 9);
    for (const [model, version] of bad) await commit(model, { candidate: version });
    await commit("good", { candidate: good });
    for (const [model, { servedName }, reason] of bad) {
      await until(`a reason for ${model}`, async () => {
        const problems = (await status()).models[model]?.versions[servedName]?.problems ?? [];
        return problems.length === replicas.length && problems.every((problem) => problem.includes(reason));
      });
    }
    await held(one, two, good);
    await running.more(60);
    await running.stop();
    report("with bad adapters", running, `${bad.length} of them named in the status`);
    expectAllAnswered(running);
    for (const model of [...bad.map(([name]) => name), "good"]) await commit(model, {});
  });

  it("refuses a prompt that is longer than its context, and nobody else notices", async () => {
    const [one] = qa;
    await commit("qa", { live: one });
    await held(one);
    await acknowledged("qa");
    const running = begin("qa", 4);
    const long = await ask(world.urls.gateway ?? "", "qa", "word ".repeat(2000), false);
    await running.more(20);
    await running.stop();
    expect(long).toMatchObject({ outcome: "failed", version: "qa-v1" });
    expect(long.error).toMatch(/^status 400: .*context length/);
    expectAllAnswered(running);
  });

  it("says that all slots are taken, and loads what waits once one is free", async () => {
    const [one, two, three] = qa;
    const good = await world.adapter("good", 9);
    const other = await world.adapter("other", 10);
    await commit("good", { live: good });
    await commit("qa", { live: one, previous: two, candidate: three });
    await held(one, two, three, good);
    const running = begin("qa");
    await commit("other", { candidate: other });
    await until("no slot", async () => {
      const problems = (await status()).models.other?.versions["other-v10"]?.problems ?? [];
      return problems.length === 2 && problems.every((problem) => problem.includes("all 4 slots are taken"));
    });
    await commit("qa", { live: one, previous: two });
    await held(one, two, good, other);
    await running.stop();
    expectAllAnswered(running);
    await commit("other", {});
    await commit("good", {});
    await held(one, two);
  });

  it("survives a replica that is killed during a promotion, and fills it before it takes traffic", async () => {
    const [one, two, three] = qa;
    await commit("qa", { live: one, candidate: three, previous: two });
    await held(one, two, three);
    const running = begin("qa");
    await running.more(60);
    const { begun, answers } = longStreams("qa");
    await begun;
    const killedAt = performance.now();
    world.kill("vllm-0");
    const committed = await commit("qa", { live: three, previous: one });
    const done = await acknowledged("qa");
    await running.more(100);
    const restarting = performance.now();
    await world.start("vllm-0");
    await held(one, three);
    const backAfter = performance.now() - restarting;
    await until("answers of the restarted replica", async () => {
      return (await metricOf("vllm-0", "vllm:request_success_total")) > 20;
    });
    await running.stop();
    const asked = [...running.asked, ...(await answers)];
    const broken = asked.filter(({ outcome }) => outcome === "broken-off");
    report(
      "replica killed during a promotion",
      { asked },
      `acknowledged after ${Math.round(done - committed)} ms, ${broken.length} streams begun on it ended in an ` +
        `explicit error, adapters back ${Math.round(backAfter / 1000)} s after its start`,
    );
    expect(asked.filter(({ outcome }) => outcome === "failed").slice(0, 3)).toEqual([]);
    expect(wrong(asked).slice(0, 3)).toEqual([]);
    expect(broken.length).toBeGreaterThan(0);
    // Only what was under way when it was killed: every client has one request at a time.
    expect(broken.every(({ stream, sentAt }) => stream && sentAt < killedAt)).toBe(true);
    expect(broken.length).toBeLessThanOrEqual(CLIENTS / 2 + LONG);
    expect(versionsOf(running, { sentAfter: done })).toEqual(["qa-v3"]);
  });

  it("leaves no process of a server that was killed", async () => {
    const pid = world.pid("vllm-1");
    const server = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
    const engine = Number(
      readFileSync(`/proc/${server}/task/${server}/children`, "utf8").trim().split(" ").at(-1),
    );
    const runs = (process_: number): boolean => {
      try {
        return !readFileSync(`/proc/${process_}/stat`, "utf8").includes(") Z ");
      } catch {
        return false;
      }
    };
    expect([server, engine].every(runs)).toBe(true);
    world.kill("vllm-1");
    await until("the end of its engine", async () => !runs(engine));
  });
});
