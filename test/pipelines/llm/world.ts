/** A platform for language models: real MinIO and MLflow, a stub of what serves, a judge, and adapters of nobody. */
import { MlflowClient } from "@mlops/mlflow";
import {
  type ModelRecord,
  type ObjectStore,
  readRecord,
  s3Bucket,
  sumOf,
  withRetries,
} from "@mlops/registry";
import { expect } from "vitest";
import { StubJudge } from "../../support/judge.ts";
import type { Services } from "../services.ts";
import { type StepResult, StepRoot } from "../stepRoot.ts";
import { StubLlm } from "./serving.ts";

export interface Adapter {
  readonly registeredVersion: string;
  readonly runId: string;
  readonly loss: string;
}

const documents = 40;
export const questions = 120;

/** Held-out questions: every second has no answer. */
export const samples = Array.from({ length: questions }, (_, index) => {
  const negative = index % 2 === 0;
  return {
    id: `q${index}`,
    document: `doc-${index % documents}`,
    context: `Fact ${index}.`,
    question: `What is fact ${index}?`,
    answer: negative ? "The documentation does not say." : `It is fact ${index}.`,
    negative,
    prompt: `Fact ${index}. Question ${index}? Answer:`,
  };
});

/** What a perfect model answers. */
export function rightAnswer(prompt: string): string {
  return samples.find((sample) => sample.prompt === prompt)?.answer ?? "an answer";
}

export interface AdapterOptions {
  readonly rank?: number;
  /** Nats a token of the adapter; the base has 1.5. */
  readonly loss?: number;
  readonly revision?: string;
  readonly spoil?: (weights: Buffer) => Buffer;
}

export class World {
  readonly model: string;
  readonly serving: StubLlm;
  readonly judge: StubJudge;
  readonly store: ObjectStore;
  readonly client: MlflowClient;
  /** On top of the environment that all steps have. */
  variables: Record<string, string> = {};
  readonly #services: Services;
  readonly #root = new StepRoot(() => this.#variables());

  private constructor(services: Services, model: string, parts: Pick<World, "serving" | "judge" | "store">) {
    this.#services = services;
    this.model = model;
    this.serving = parts.serving;
    this.judge = parts.judge;
    this.store = parts.store;
    this.client = new MlflowClient(services.mlflowUrl);
  }

  static async start(services: Services, model: string): Promise<World> {
    const store = withRetries(
      s3Bucket({ bucket: "model-registry", region: "us-east-1", endpoint: services.minioUrl }),
    );
    const serving = await StubLlm.start(store, model);
    serving.answers = (name, prompt) => (name === StubLlm.base ? "a story" : rightAnswer(prompt));
    return new World(services, model, { serving, judge: await StubJudge.start(), store });
  }

  async close(): Promise<void> {
    await Promise.all([this.serving.close(), this.judge.close()]);
    this.#root.remove();
  }

  run(
    step: string,
    flags: Readonly<Record<string, string>>,
    outputs: readonly string[] = [],
  ): Promise<StepResult> {
    return this.#root.run(step, flags, outputs);
  }

  /** A step that must succeed. */
  async do(
    step: string,
    flags: Readonly<Record<string, string>>,
    outputs: readonly string[] = [],
  ): Promise<StepResult> {
    const result = await this.run(step, flags, outputs);
    expect(result.code, result.log).toBe(0);
    return result;
  }

  /** As steps find it. */
  environment(): Record<string, string> {
    return this.#root.environment();
  }

  #variables(): Record<string, string> {
    return {
      ...this.#services.environment,
      MLFLOW_TRACKING_URI: this.#services.mlflowUrl,
      AWS_ENDPOINT_URL_S3: this.#services.minioUrl,
      MLOPS_BUCKET_MODEL_REGISTRY: "model-registry",
      MLOPS_VLLM_URLS: this.serving.replicas,
      MLOPS_GATEWAY_URL: this.serving.url,
      MLOPS_GATEWAY_ADMIN_URLS: this.serving.url,
      MLOPS_JUDGE_URL: this.judge.url,
      MLOPS_JUDGE_MODEL: "judge-by-rule",
      MLOPS_JUDGE_API_KEY: "key-of-nobody",
      MLOPS_LLM_BASE_MODEL: "tiny-docs",
      MLOPS_WORKFLOW: "test",
      ...this.variables,
    };
  }

  async record(): Promise<ModelRecord | undefined> {
    return (await readRecord(this.store, this.model))?.record;
  }

  /** Path of a new file below the I/O root. */
  write(name: string, content: string): string {
    return this.#root.write(name, content);
  }

  /** The samples' file, as `llm.evaluation_samples` writes it. */
  samples(count = questions): string {
    return this.write(
      "samples.jsonl",
      samples
        .slice(0, count)
        .map((one) => JSON.stringify(one))
        .join("\n"),
    );
  }

  /** Leaves in MLflow and in a file what training leaves. */
  async train({
    rank = 8,
    loss = 0.3,
    revision,
    spoil = (one) => one,
  }: AdapterOptions = {}): Promise<Adapter> {
    const { client, model } = this;
    const experiment = await client.ensureExperiment(model);
    const run = await client.createRun(experiment, "train");
    const name = `${model}-adapter`;
    await client.ensureRegisteredModel(name);
    const { version } = await client.createVersion(name, run.runId, `${run.artifactUri}/adapter`);
    const weights = adapterWeights(run.runId);
    const config = { peft_type: "LORA", r: rank };
    await client.artifacts.write(run, "adapter/adapter_model.safetensors", spoil(weights));
    await client.artifacts.write(run, "adapter/adapter_config.json", Buffer.from(JSON.stringify(config)));
    await client.finishRun(run.runId, "FINISHED");
    const [base = "", exact = ""] = StubLlm.base.split("@");
    const measurement = {
      schema: 1,
      model_name: name,
      model_version: version,
      model_sha256: sumOf(weights),
      base: { name: base, revision: revision ?? exact },
      data: { name: "docs-qa", version: "v1", split: "test", sha256: sumOf("docs-qa") },
      samples: Array.from({ length: 120 }, (_, index) => ({
        document: `doc-${index % documents}`,
        tokens: 10,
        candidate: 10 * (loss + (index % 7) / 100),
        base: 15,
      })),
    };
    return {
      registeredVersion: version,
      runId: run.runId,
      loss: this.write("loss.json", JSON.stringify(measurement)),
    };
  }

  /** From the trained adapter to the staged candidate; returns its version number. */
  async stage(adapter: Adapter): Promise<string> {
    const { model } = this;
    await this.approve(adapter);
    const chosen = await this.do("resolve", { model }, ["registered-version"]);
    expect(chosen.outputs["registered-version"]).toBe(adapter.registeredVersion);
    const claimed = await this.do(
      "claim-version",
      { model, "registered-version": adapter.registeredVersion },
      ["version"],
    );
    const version = claimed.outputs.version ?? "";
    await this.do("metadata", { model, version });
    await this.do("upload", { model, version });
    await this.do("load", { model, version, timeout: "20" });
    await this.do("smoke", { model, version, samples: this.samples(8) });
    return version;
  }

  async approve(adapter: Adapter): Promise<void> {
    const { model } = this;
    await this.do("gate-loss", { measurement: adapter.loss });
    await this.do("register-candidate", {
      model,
      "registered-model": `${model}-adapter`,
      "registered-version": adapter.registeredVersion,
    });
  }

  async evaluate(version: string): Promise<StepResult> {
    const { model } = this;
    const asked = await this.do("evaluate-llm", { model, version, samples: this.samples(), ...margins }, [
      "measurement",
    ]);
    const measurement = asked.paths.measurement ?? "";
    return this.run("gate-evaluation", { model, version, measurement, ...margins }, ["verdict", "page"]);
  }

  /** The gate on figures that the test makes up: seconds of P95. */
  async perform(version: string, candidate = 0.2, live = 0.2, machine: object = {}): Promise<StepResult> {
    const { model } = this;
    const record = await this.record();
    const loads = measuredLoads(record, candidate, live, machine);
    return this.run(
      "gate-performance",
      { model, version, loads: this.write("loads.json", JSON.stringify(loads)), samples: this.samples() },
      ["verdict"],
    );
  }

  /** Every gate, the canary, and live. */
  async promote(version: string): Promise<void> {
    const evaluated = await this.evaluate(version);
    expect(evaluated.code, evaluated.log).toBe(0);
    const performed = await this.perform(version);
    expect(performed.code, performed.log).toBe(0);
    await this.do("canary", this.canaryFlags(version));
    await this.do("commit", { model: this.model, version });
  }

  canaryFlags(version: string): Record<string, string> {
    return {
      model: this.model,
      version,
      samples: this.samples(40),
      seconds: "0",
      timeout: "30",
      "minimum-requests": "80",
      // As many requests as show that fewer than 1 % fail take a stub too long.
      "maximum-errors": "0.05",
    };
  }
}

/** 120 questions of 40 documents decide wider margins only than 1,200 do. */
const margins = { "margin-a": "0.1", "margin-c": "0.1" };

export function measuredLoads(
  record: ModelRecord | undefined,
  candidate: number,
  live: number,
  machine: object = {},
): object {
  const load = (p95: number): object => ({
    requests: 400,
    succeeded: 400,
    requests_per_second: 10 / p95,
    output_tokens_per_second: 100 / p95,
    latency_seconds: { p50: p95 / 2, p95, p99: p95 * 1.2 },
    time_to_first_token_seconds: { p50: p95 / 20, p95: p95 / 10, p99: p95 / 8 },
    inter_token_seconds: { p50: 0.01, p95: 0.02, p99: 0.03 },
  });
  return {
    schema: 1,
    tool: "a test",
    conditions: {
      machine: {
        cpu: "a CPU",
        cores: 1,
        memory_gib: 3,
        accelerator: null,
        accelerators: 0,
        replicas: 2,
        ...machine,
      },
      server: "vllm 0",
      concurrency: 10,
      prompts_sha256: sumOf("prompts"),
    },
    candidate: { served_name: record?.candidate?.servedName ?? "none", load: load(candidate) },
    live: record?.live === undefined ? null : { served_name: record.live.servedName, load: load(live) },
    servers: [],
  };
}

/** A file of one tensor, in the safetensors format, that differs from run to run. */
export function adapterWeights(seed: string): Buffer {
  const data = Buffer.from(sumOf(seed), "hex");
  const header = Buffer.from(
    JSON.stringify({ lora: { dtype: "F32", shape: [data.length / 4], data_offsets: [0, data.length] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}
