/** Real tritonserver, MinIO, gateway and reconciler, under constant load. */
import type { ReconcilerStatus } from "@mlops/gateway";
import type { ServedVersion } from "@mlops/registry";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Load, startLoad } from "./serving/load.ts";
import { publish, type ServingWorld, startServingWorld, storeVersion } from "./serving/world.ts";

let world: ServingWorld;
let epoch = 0;
let versions: ServedVersion[];
let load: Load | undefined;

beforeAll(async () => {
  world = await startServingWorld();
  versions = await Promise.all([1, 2, 3].map((number) => storeVersion(world.store, "digits", number)));
});
afterAll(() => world?.destroy());
afterEach(async () => {
  await load?.stop();
  load = undefined;
});

type Roles = Partial<Record<"live" | "previous" | "candidate", number>>;

/** Commits a record, and returns when it was written. */
async function commit(roles: Roles): Promise<number> {
  epoch++;
  const parts = Object.entries(roles).map(([role, number]) => [role, versions[number - 1]]);
  await publish(world.store, "digits", epoch, Object.fromEntries(parts));
  return performance.now();
}

async function until(what: string, condition: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) {
      const status = await fetch(`${world.urls.reconciler}/status`).then((answer) => answer.text());
      throw new Error(`${what}: not in ${limitMs} ms; the reconciler says ${status}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function isReady(replica: string, number: number): Promise<boolean> {
  return (await fetch(`${world.urls[replica]}/v2/models/digits-v${number}/ready`)).ok;
}

/** Waits until both replicas hold exactly these versions. */
async function held(...numbers: readonly number[]): Promise<void> {
  await until(`versions ${numbers}`, async () => {
    const states = ["triton-0", "triton-1"].flatMap((replica) =>
      [1, 2, 3].map(async (number) => (await isReady(replica, number)) === numbers.includes(number)),
    );
    return (await Promise.all(states)).every(Boolean);
  });
}

/** Waits until the gateway has acknowledged the last epoch, and returns when. */
async function acknowledged(): Promise<number> {
  await until(`epoch ${epoch}`, async () => {
    const answer = await fetch(`${world.urls["gateway-admin"]}/admin/models`);
    const report = (await answer.json()) as Record<string, { epoch: number }>;
    return (report.digits?.epoch ?? 0) >= epoch;
  });
  return performance.now();
}

function begin(): Load {
  load = startLoad(`${world.urls.gateway}/v2/models/digits/infer`, 4);
  return load;
}

/** No request failed, and each was answered by the version that the gateway named. */
function expectAllAnswered({ asked }: Load): void {
  expect(asked.filter(({ status }) => status !== 200).slice(0, 3)).toEqual([]);
  expect(asked.filter(({ token, version }) => version !== `digits-v${token}`).slice(0, 3)).toEqual([]);
}

/** Versions that answered requests sent after, or ended before, a moment. */
function tokens({ asked }: Load, which: { sentAfter?: number; endedBefore?: number }): number[] {
  const { sentAfter = Number.NEGATIVE_INFINITY, endedBefore = Number.POSITIVE_INFINITY } = which;
  const chosen = asked.filter(({ sentAt, endedAt }) => sentAt > sentAfter && endedAt < endedBefore);
  return [...new Set(chosen.map(({ token }) => token ?? 0))].sort();
}

describe("serving", () => {
  it("loads a candidate on every replica, and answers by it once it is live", async () => {
    const committed = await commit({ candidate: 1 });
    await held(1);
    console.info(`candidate ready on both replicas after ${Math.round(performance.now() - committed)} ms`);
    await commit({ live: 1 });
    await acknowledged();
    const running = begin();
    await running.more(50);
    await running.stop();
    expectAllAnswered(running);
    expect(tokens(running, {})).toEqual([1]);
  });

  it("switches under load without a failed request, and answers by the new version only", async () => {
    const running = begin();
    await commit({ live: 1, candidate: 2 });
    await held(1, 2);
    await running.more(50);
    const before = performance.now();
    const committed = await commit({ live: 2, previous: 1 });
    const done = await acknowledged();
    await running.more(100);
    await running.stop();
    console.info(`switch acknowledged ${Math.round(done - committed)} ms after its commit`);
    expectAllAnswered(running);
    expect(tokens(running, { endedBefore: before })).toEqual([1]);
    expect(tokens(running, { sentAfter: done })).toEqual([2]);
  });

  it("rolls back under load without a failed request", async () => {
    const running = begin();
    await running.more(50);
    const committed = await commit({ live: 1, previous: 2 });
    const done = await acknowledged();
    await running.more(100);
    await running.stop();
    console.info(`rollback acknowledged ${Math.round(done - committed)} ms after its commit`);
    expectAllAnswered(running);
    expect(tokens(running, { sentAfter: done })).toEqual([1]);
  });

  it("unloads what no record names any more, under load", async () => {
    const running = begin();
    await commit({ live: 1, previous: 2, candidate: 3 });
    await held(1, 2, 3);
    await commit({ live: 3, previous: 1 });
    await held(1, 3);
    await running.more(50);
    await running.stop();
    expectAllAnswered(running);
  });

  it("loses no request when a replica is killed, and fills it before it takes traffic again", async () => {
    const running = begin();
    await running.more(50);
    await world.end("triton-0", "SIGKILL");
    await running.more(100);
    await world.start("triton-0");
    await held(1, 3);
    await running.more(100);
    await running.stop();
    expectAllAnswered(running);
    const metrics = await (
      await fetch(`${world.urls["triton-0"]?.replace(/\d+$/, metricsPort())}/metrics`)
    ).text();
    expect(
      Number(/nv_inference_request_success\{model="digits-v3"[^}]*\} (\d+)/.exec(metrics)?.[1]),
    ).toBeGreaterThan(0);
  });

  it("loses no request when both replicas are restarted one after the other", async () => {
    const running = begin();
    for (const name of ["triton-0", "triton-1"]) {
      await running.more(20);
      await world.end(name, "SIGTERM");
      await world.start(name);
      await held(1, 3);
    }
    await running.more(50);
    await running.stop();
    expectAllAnswered(running);
  });

  it("goes on while the object store is down for 20 s, and follows the record after", async () => {
    const running = begin();
    await world.end("minio", "SIGKILL");
    const down = performance.now();
    await until("20 s", async () => performance.now() - down > 20_000);
    await world.start("minio");
    const committed = await commit({ live: 1, previous: 3 });
    const done = await acknowledged();
    console.info(`acknowledged ${Math.round(done - committed)} ms after the store was back and written to`);
    await running.more(50);
    await running.stop();
    expectAllAnswered(running);
    expect(tokens(running, { sentAfter: done })).toEqual([1]);
    const inBetween = running.asked.filter(({ sentAt }) => sentAt > down && sentAt < down + 20_000);
    expect(inBetween.length).toBeGreaterThan(100);
  });

  it("says why a version cannot be loaded, and leaves the others alone", async () => {
    const running = begin();
    const broken = await storeVersion(world.store, "digits", 4, Buffer.from("no ONNX model"));
    epoch++;
    await publish(world.store, "digits", epoch, {
      live: versions[0],
      previous: versions[2],
      candidate: broken,
    });
    await until("a reason", async () => {
      const status = (await (await fetch(`${world.urls.reconciler}/status`)).json()) as ReconcilerStatus;
      const problems = status.models.digits?.versions["digits-v4"]?.problems ?? [];
      return problems.length === 2 && problems.every((problem) => problem.includes("model.onnx failed"));
    });
    await commit({ live: 1, previous: 3 });
    await running.more(50);
    await running.stop();
    expectAllAnswered(running);
  });
});

function metricsPort(): string {
  return new URL(world.urls["triton-0-metrics"] ?? "").port;
}
