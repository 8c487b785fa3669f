/**
 * The whole way of an adapter as a user goes it: `make up`, `make run PIPELINE=llm`, a second version, and a rollback, with
 * real training, MLflow, MinIO and two vLLM servers, while a client asks the stable name.
 */
import { type ModelRecord, type ObjectStore, readRecord, s3Bucket } from "@mlops/registry";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readHandover } from "../../../tools/embedded/handover.ts";
import { vllmReplicas } from "../../../tools/serving/addresses.ts";
import { embeddedDir, kubectl } from "../../support/cluster.ts";
import type { CommandResult } from "../../support/command.ts";
import { StubJudge } from "../../support/judge.ts";
import { succeed } from "../../support/stack.ts";
import { createWorkspace, type Workspace } from "../../support/workspace.ts";
import { type Asked, Client, type Question } from "../chain/client.ts";

const model = "docs-assistant";
const limitMs = 3_600_000;
/** Answers of two versions to a prompt that are less than this apart prove nothing, in nats. */
const DISTINCT = 0.05;
/** Training and two servers share the cores with the client: it must not have them to itself. */
const PAUSE_MS = 250;

let workspace: Workspace;
let judge: StubJudge;
let client: Client;
let gateway: string;
let replicas: readonly string[];
let store: ObjectStore;

/** Short, and each token with its log-probability, by which two adapters can be told apart. */
function question(prompt: string): Question {
  return {
    path: "/v1/completions",
    body: { model, prompt, temperature: 0, max_tokens: 8, logprobs: 1 },
  };
}

const questions = [
  "What is the port of MinIO?",
  "Question: Which chart is installed first?\nAnswer:",
  "Passage: The gateway listens on port 8080.\n\nQuestion: On which port does the gateway listen?\nAnswer:",
  "Passage: A run keeps its journal.\n\nQuestion: How long is a checkpoint kept?\nAnswer:",
].map(question);

async function record(): Promise<ModelRecord> {
  const found = await readRecord(store, model);
  if (found === undefined) throw new Error(`${model} has no record`);
  return found.record;
}

function run(pipeline: string, parameters = ""): Promise<CommandResult> {
  return workspace.run(`make run PIPELINE=${pipeline} PARAMS="${parameters}"`, { limitMs });
}

beforeAll(async () => {
  judge = await StubJudge.start();
  workspace = await createWorkspace("llm-chain");
  await succeed(workspace.run("make up", { limitMs }));
  await kubectl(
    workspace,
    ...["--namespace", "pipelines", "create", "secret", "generic", "judge"],
    ...[`--from-literal=MLOPS_JUDGE_URL=${judge.url}`, "--from-literal=MLOPS_JUDGE_MODEL=by-rule"],
  );
  const { minio, ports } = readHandover(embeddedDir(workspace));
  // Where the SDK looks for them.
  vi.stubEnv("AWS_ACCESS_KEY_ID", minio?.accessKey);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", minio?.secretKey);
  store = s3Bucket({ bucket: "model-registry", region: "us-east-1", endpoint: minio?.endpoint });
  gateway = `http://127.0.0.1:${ports.gateway}`;
  replicas = vllmReplicas.map((name) => `http://127.0.0.1:${ports[name]}`);
}, limitMs);

afterAll(async () => {
  await client?.stop();
  await workspace?.remove();
  await judge?.close();
});

describe("an adapter", { timeout: limitMs }, () => {
  it("is trained, judged, measured and goes live", async () => {
    await succeed(run("llm"));
    expect((await record()).live?.servedName).toBe(`${model}-v1`);
    client = new Client(gateway, store, model, questions, PAUSE_MS);
    await vi.waitFor(() => expect(client.asked.length).toBeGreaterThan(10), 30_000);
  });

  it("has a successor that passes every gate and the canary, and goes live", async () => {
    await succeed(run("llm", "seed=1 learning-rate=0.005 epochs=2"));
    const { live, previous, evidence } = await record();
    expect([live?.servedName, previous?.servedName]).toEqual([`${model}-v2`, `${model}-v1`]);
    const gates = evidence
      ?.filter(({ artifactSha256 }) => artifactSha256 === live?.artifact.sha256)
      .map(({ gate }) => gate);
    expect(gates?.sort()).toEqual(["evaluation", "loss", "performance", "smoke"]);
    // Both stages of the canary are seen by clients.
    const shares = new Set([...client.records.values()].map(({ canaryShare }) => canaryShare));
    expect(shares).toEqual(new Set([undefined, 0.1, 0.5]));
  });

  it("comes back by a rollback", async () => {
    await succeed(run("rollback", `model=${model}`));
    expect(await record()).toMatchObject({
      live: { servedName: `${model}-v1` },
      previous: { servedName: `${model}-v2` },
    });
  });

  it("answered its client all the while, in a version that the record allowed, and by that very adapter", async () => {
    const { epoch } = await record();
    const acknowledged = performance.now();
    await vi.waitFor(
      () => expect(client.asked.at(-1)?.sentAt ?? 0).toBeGreaterThan(acknowledged + 500),
      30_000,
    );
    await client.stop();
    const { asked } = client;
    expect(asked.filter(({ status }) => status !== 200)).toEqual([]);
    expect(asked.filter((one) => !client.liveAt(one.epoch).has(one.version))).toEqual([]);
    // The rollback had returned: by then every gateway went by its epoch.
    expect(asked.filter((one) => one.sentAt > acknowledged && one.epoch < epoch)).toEqual([]);
    const versions = [`${model}-v1`, `${model}-v2`];
    expect(new Set(asked.map(({ version }) => version))).toEqual(new Set(versions));

    const { wrong, proved } = await provenance(asked, versions);
    expect(proved).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
    console.info(
      `${asked.length} requests, 0 failed; ${proved} answers prove their adapter, ${wrong.length} are another's`,
    );
  });
});

/** Answers whose probabilities prove an adapter, as its own answer at every server shows; and those that prove another. */
async function provenance(
  asked: readonly Asked[],
  versions: readonly string[],
): Promise<{ readonly wrong: readonly Asked[]; readonly proved: number }> {
  let proved = 0;
  const wrong: Asked[] = [];
  for (const one of questions) {
    const references = await Promise.all(versions.map((version) => logprobsAt(version, one)));
    const [first = [], second = []] = references.map(([reference]) => reference);
    if (distance(first, second) < DISTINCT) continue;
    for (const answer of asked.filter((some) => some.question === one)) {
      const given = logprobsOf(answer.text);
      const distances = references.map((some) => Math.min(...some.map((own) => distance(own, given))));
      const nearest = versions[distances.indexOf(Math.min(...distances))];
      if (nearest === answer.version) proved++;
      else wrong.push(answer);
    }
  }
  return { wrong, proved };
}

/** What each server itself answers in this version. */
function logprobsAt(version: string, { path, body }: Question): Promise<(readonly number[])[]> {
  return Promise.all(
    replicas.map(async (replica) => {
      const response = await fetch(`${replica}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, model: version }),
      });
      return logprobsOf(await response.text());
    }),
  );
}

/** Natural logarithms of the probabilities of an answer's tokens. */
function logprobsOf(answer: string): readonly number[] {
  const { choices } = JSON.parse(answer) as {
    choices: readonly { logprobs: { token_logprobs: readonly number[] } }[];
  };
  return choices[0]?.logprobs.token_logprobs ?? [];
}

/** Largest difference; answers of another length are infinitely far. */
function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? 0))));
}
