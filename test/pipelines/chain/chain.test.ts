/**
 * The whole way of a model as a user goes it: `make up`, `make run`, and again, with real training, MLflow, MinIO and two
 * Tritons, while a client asks the stable name.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type ModelRecord, type ObjectStore, readRecord, s3Bucket } from "@mlops/registry";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readHandover } from "../../../tools/embedded/handover.ts";
import type { CommandResult } from "../../support/command.ts";
import { processesOf } from "../../support/processes.ts";
import { succeed } from "../../support/stack.ts";
import { createWorkspace, type Workspace } from "../../support/workspace.ts";
import { Client, inference } from "./client.ts";

const model = "digits";
const limitMs = 900_000;
let workspace: Workspace;
let client: Client;
let gateway: string;

let store: ObjectStore;

async function record(): Promise<ModelRecord> {
  const found = await readRecord(store, model);
  if (found === undefined) throw new Error(`${model} has no record`);
  return found.record;
}

function run(parameters: string): Promise<CommandResult> {
  return workspace.run(`make run PIPELINE=image-classification PARAMS="network=mlp ${parameters}"`, {
    limitMs,
  });
}

interface Run {
  readonly name: string;
  readonly status: string;
  readonly nodes: Readonly<Record<string, { readonly phase: string; readonly startedAt?: number }>>;
}

/** Journal of the latest run. */
function latestRun(): Run {
  const names = readdirSync(workspace.path(".mlops", "runs")).sort();
  return JSON.parse(readFileSync(workspace.path(".mlops", "runs", names.at(-1) ?? "", "run.json"), "utf8"));
}

beforeAll(async () => {
  workspace = await createWorkspace("chain");
  await succeed(workspace.run("make up", { limitMs }));
  const { minio, ports } = readHandover(workspace.path(".mlops", "embedded"));
  // Where the SDK looks for them.
  vi.stubEnv("AWS_ACCESS_KEY_ID", minio?.accessKey);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", minio?.secretKey);
  store = s3Bucket({ bucket: "model-registry", region: "us-east-1", endpoint: minio?.endpoint });
  gateway = `http://127.0.0.1:${ports.gateway}`;
});

afterAll(async () => {
  await client?.stop();
  await workspace?.remove();
});

describe("a model", () => {
  it("is trained, passes both gates and goes live", async () => {
    // Few epochs: the next one shall be better by more than chance.
    await succeed(run("epochs=3"));
    const { live } = await record();
    expect(live?.servedName).toBe(`${model}-v1`);
    client = new Client(gateway, store, model, [inference(model)]);
    await vi.waitFor(() => expect(client.asked.length).toBeGreaterThan(10));
    expect(client.asked.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it("that is worse is stopped at gate 1, and nothing has changed", async () => {
    const before = await record();
    const { code, output } = await run("epochs=1 seed=1");
    expect(code).not.toBe(0);
    expect(output).toContain("gate-accuracy");
    expect(latestRun().nodes).toMatchObject({
      "gate-accuracy": { phase: "Failed" },
      resolve: { phase: "Omitted" },
    });
    expect(await record()).toEqual(before);
  });

  it("that is better goes live, though the runner is killed in the middle of its deployment", async () => {
    const running = workspace.start('make run PIPELINE=image-classification PARAMS="network=mlp"', {
      limitMs,
    });
    const earlier = latestRun().name;
    await vi.waitFor(
      () => {
        expect(latestRun().name).not.toBe(earlier);
        expect(latestRun().nodes.load?.phase).toBe("Running");
      },
      { timeout: limitMs, interval: 20 },
    );
    running.killGroup();
    await running.ended;
    const killed = latestRun();
    // What the runner started goes with it, and cannot meddle with the run that goes on.
    await vi.waitFor(
      async () => {
        const commands = (await processesOf(workspace.root)).map(({ command }) => command);
        expect(commands.filter((command) => command.includes("apps/steps"))).toEqual([]);
      },
      { timeout: 20_000, interval: 100 },
    );
    const resumed = workspace.inEnv(`node tools/pipelines/cli.ts --resume ${killed.name}`, { limitMs });
    await succeed(resumed);
    expect(latestRun()).toMatchObject({ name: killed.name, status: "Succeeded" });
    // Training was not done again.
    expect(latestRun().nodes.train).toMatchObject({
      startedAt: killed.nodes.train?.startedAt,
      message: "taken over from the earlier run",
    });
    const { live, previous } = await record();
    expect(previous?.servedName).toBe(`${model}-v1`);
    expect(live?.servedName).not.toBe(`${model}-v1`);
  });

  it("is taken back by a rollback", async () => {
    const { live } = await record();
    await succeed(workspace.run("make run PIPELINE=rollback", { limitMs }));
    expect(await record()).toMatchObject({
      live: { servedName: `${model}-v1` },
      previous: { servedName: live?.servedName },
    });
  });

  it("was there for its client all the while, in a version that the record allowed", async () => {
    const { epoch } = await record();
    const acknowledged = performance.now();
    await vi.waitFor(() => expect(client.asked.at(-1)?.sentAt ?? 0).toBeGreaterThan(acknowledged + 500));
    await client.stop();
    const failed = client.asked.filter(({ status }) => status !== 200);
    expect(failed).toEqual([]);
    const wrong = client.asked.filter((one) => !client.liveAt(one.epoch).has(one.version));
    expect(wrong).toEqual([]);
    // The rollback had returned: by then every gateway went by its epoch.
    const stale = client.asked.filter((one) => one.sentAt > acknowledged && one.epoch < epoch);
    expect(stale).toEqual([]);
    const versions = new Set(client.asked.map(({ version }) => version));
    expect(versions.size).toBe(2);
    console.log(
      `${client.asked.length} requests, ${failed.length} failed, answered by ${[...versions].join(", ")}`,
    );
  });
});

describe("the pipelines that deploy nothing", () => {
  const told: { text: string }[] = [];
  let webhook: Server;

  beforeAll(async () => {
    webhook = createServer((request, response) => {
      void json(request).then((body) => told.push(body as { text: string }));
      response.end();
    }).listen(0, "127.0.0.1");
    await once(webhook, "listening");
    const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/hook`;
    await kubectl(
      `create secret generic notifications --from-literal=MLOPS_NOTIFY_URL=${url} ` +
        "--from-literal=MLOPS_NOTIFY_FORMAT=slack",
    );
  });

  afterAll(async () => {
    // A run whose webhook is gone counts as failed.
    await kubectl("delete secret notifications --ignore-not-found");
    webhook?.close();
  });

  async function kubectl(command: string): Promise<void> {
    const kubeconfig = workspace.path(".mlops", "embedded", "kubeconfig");
    await succeed(workspace.inEnv(`kubectl --kubeconfig ${kubeconfig} --namespace pipelines ${command}`));
  }

  async function expectChosen(name: string): Promise<void> {
    const found = await readRecord(store, name);
    expect(found?.record).toMatchObject({
      intent: { source: { registeredModel: name, registeredVersion: "1" } },
    });
    expect(found?.record.live).toBeUndefined();
  }

  it.each([
    ["mnist", "small", "network=cnn"],
    ["search", "found", "trials=2 epochs=15"],
  ])("%s takes its model through both gates, and people are told", async (pipeline, name, parameters) => {
    const all = `model=${name} registered-model=${name} ${parameters}`;
    await succeed(workspace.run(`make run PIPELINE=${pipeline} PARAMS="${all}"`, { limitMs }));
    await expectChosen(name);
    expect(told.at(-1)?.text).toContain(`*${name} is done*`);
    expect(told.at(-1)?.text).toContain(`workflow ${pipeline}-`);
  });

  it("tell of a failure, and why", async () => {
    const { code } = await workspace.run(
      'make run PIPELINE=mnist PARAMS="model=small registered-model=small epochs=1 seed=1"',
      { limitMs },
    );
    expect(code).not.toBe(0);
    expect(told).toHaveLength(3);
    expect(told.at(-1)?.text).toContain("*small was not deployed*");
    expect(told.at(-1)?.text).toContain("gate-accuracy");
  });
});

describe("another model", () => {
  const name = "resnet";

  it("is a ResNet-18, which passes both gates with the pipeline's defaults and answers under its own name", async () => {
    const parameters = `model=${name} registered-model=${name}`;
    const started = performance.now();
    await succeed(
      workspace.run(`make run PIPELINE=image-classification PARAMS="${parameters}"`, { limitMs }),
    );
    const ended = performance.now();
    const found = await readRecord(store, name);
    expect(found?.record.live?.servedName).toBe(`${name}-v1`);
    const gates = found?.record.evidence.map(({ gate }) => gate);
    expect(gates?.toSorted()).toEqual(["accuracy", "functional", "parity"]);
    const { path, body } = inference(name);
    const answer = await fetch(`${gateway}${path}`, { method: "POST", body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
    const { outputs } = (await answer.json()) as { outputs: { name: string; shape: number[] }[] };
    expect(outputs).toContainEqual(expect.objectContaining({ name: "probabilities", shape: [1, 10] }));
    console.log(`ResNet-18 from training to live: ${((ended - started) / 1000).toFixed(0)} s`);
  });
});
