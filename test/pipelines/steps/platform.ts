/** What steps run on in these tests: real MinIO and MLflow behind proxies that can fail, and stub servers. */
import { MlflowClient } from "@mlops/mlflow";
import {
  type ModelRecord,
  type ObjectStore,
  readRecord,
  s3Bucket,
  sumOf,
  withRetries,
} from "@mlops/registry";
import { FaultProxy } from "../faultProxy.ts";
import type { Services } from "../services.ts";
import { type StepResult, StepRoot } from "../stepRoot.ts";
import { StubServing } from "./serving.ts";

const expected = [0.1, 0.2, 0.7, 0.7, 0.2, 0.1];

/** A registered version and the files that the training steps leave about it. */
export interface Trained {
  readonly registeredVersion: string;
  readonly runId: string;
  readonly accuracy: string;
  readonly parity: string;
}

export interface TrainedOptions {
  /** Right answers of 400 of this model alone, of live alone, and of both. */
  readonly right?: { readonly alone: number; readonly live: number; readonly both: number };
  /** Registered version that is live; none: the first model. */
  readonly opponent?: string;
  readonly spoil?: (onnx: Buffer) => Buffer;
  /** A registered version that is measured once more, instead of a new one. */
  readonly again?: Trained;
}

type Servers = Pick<Platform, "minio" | "mlflow" | "serving" | "store">;

export class Platform {
  readonly services: Services;
  readonly minio: FaultProxy;
  readonly mlflow: FaultProxy;
  readonly serving: StubServing;
  /** Straight to the object store. */
  readonly store: ObjectStore;
  /** Straight to the tracking server. */
  readonly client: MlflowClient;
  readonly model: string;
  /** Variables that a test adds to the environment of steps. */
  readonly settings: Record<string, string> = {};
  readonly #root = new StepRoot(() => this.#variables());

  private constructor(services: Services, model: string, servers: Servers) {
    this.services = services;
    this.model = model;
    this.minio = servers.minio;
    this.mlflow = servers.mlflow;
    this.serving = servers.serving;
    this.store = servers.store;
    this.client = new MlflowClient(services.mlflowUrl);
  }

  /** Own servers in front of shared services; every platform has a model of its own. */
  static async start(services: Services, model: string): Promise<Platform> {
    const store = withRetries(
      s3Bucket({ bucket: "model-registry", region: "us-east-1", endpoint: services.minioUrl }),
    );
    const serving = await StubServing.start(store, model);
    serving.probabilities = [...expected];
    return new Platform(services, model, {
      minio: await FaultProxy.start(services.minioUrl, { keepHost: true }),
      mlflow: await FaultProxy.start(services.mlflowUrl, { keepHost: false }),
      serving,
      store,
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.minio.close(), this.mlflow.close(), this.serving.close()]);
    this.#root.remove();
  }

  /** Runs a step within this process. */
  run(
    step: string,
    flags: Readonly<Record<string, string>>,
    outputs: readonly string[] = [],
  ): Promise<StepResult> {
    return this.#root.run(step, flags, outputs);
  }

  /** Runs a step as a process of its own; `onStart` gets a way to kill it. */
  spawn(
    step: string,
    flags: Readonly<Record<string, string>>,
    outputs: readonly string[] = [],
    onStart?: (kill: () => void) => void,
  ): Promise<StepResult> {
    return this.#root.spawn(step, flags, outputs, onStart);
  }

  environment(): Record<string, string> {
    return this.#root.environment();
  }

  #variables(): Record<string, string> {
    return {
      ...this.services.environment,
      MLFLOW_TRACKING_URI: this.mlflow.url,
      AWS_ENDPOINT_URL_S3: this.minio.url,
      MLOPS_BUCKET_MODEL_REGISTRY: "model-registry",
      MLOPS_TRITON_URLS: this.serving.url,
      MLOPS_TRITON_BACKEND: "python",
      MLOPS_GATEWAY_ADMIN_URLS: this.serving.url,
      MLOPS_WORKFLOW: "test",
      ...this.settings,
    };
  }

  async record(): Promise<ModelRecord | undefined> {
    return (await readRecord(this.store, this.model))?.record;
  }

  /** Leaves in MLflow and in files what the training steps leave. */
  async train(options: TrainedOptions = {}): Promise<Trained> {
    const { right = { alone: 20, live: 2, both: 370 }, opponent, spoil = (onnx) => onnx, again } = options;
    const { client, model } = this;
    const { run, version } =
      again === undefined
        ? await this.#register()
        : { run: await client.getRun(again.runId), version: again.registeredVersion };
    const onnx = Buffer.from(`the network of run ${run.runId}`);
    const reference = {
      model_name: model,
      model_version: version,
      model_sha256: sumOf(`weights ${run.runId}`),
    };
    const data = { name: "digits", version: "v1", sha256: sumOf("digits"), split: "test" };
    await client.artifacts.write(run, "onnx/model.onnx", spoil(onnx));
    const metadata = {
      schema: 1,
      ...reference,
      run_id: run.runId,
      onnx_sha256: sumOf(onnx),
      opset: 17,
      inputs: [{ name: "input", datatype: "FP32", shape: [-1, 2] }],
      outputs: [
        { name: "logits", datatype: "FP32", shape: [-1, 3] },
        { name: "probabilities", datatype: "FP32", shape: [-1, 3] },
      ],
      labels: ["0", "1", "2"],
    };
    await client.artifacts.write(run, "onnx/metadata.json", Buffer.from(JSON.stringify(metadata)));
    const samples = {
      schema: 1,
      ...reference,
      data,
      input: { name: "input", datatype: "FP32", shape: [2, 2], data: [0, 1, 0.5, 0.5] },
      expected: {
        outputs: [{ name: "probabilities", datatype: "FP32", shape: [2, 3], data: expected }],
        classes: [2, 0],
      },
    };
    await client.artifacts.write(run, "onnx/samples.json", Buffer.from(JSON.stringify(samples)));
    await client.finishRun(run.runId, "FINISHED");
    const rows = 400;
    const correct = (first: number, count: number): number[] =>
      Array.from({ length: rows }, (_, row) => (row >= first && row < first + count ? 1 : 0));
    const accuracy = {
      schema: 1,
      data: { ...data, n: rows },
      candidate: { ...reference, correct: correct(0, right.alone + right.both) },
      live:
        opponent === undefined
          ? null
          : {
              ...reference,
              model_version: opponent,
              correct: correct(right.alone, right.both + right.live),
            },
    };
    const parity = {
      schema: 1,
      ...reference,
      onnx_sha256: sumOf(onnx),
      data,
      samples: 100,
      max_probability_difference: 4e-7,
      max_logit_difference: 3e-6,
      top1_agreement: 1,
    };
    return {
      registeredVersion: version,
      runId: run.runId,
      accuracy: this.write("accuracy.json", accuracy),
      parity: this.write("parity.json", parity),
    };
  }

  /** A new run, and the version that it registered. */
  async #register() {
    const { client, model } = this;
    const experiment = await client.ensureExperiment(model);
    const run = await client.createRun(experiment, "train");
    await client.logParam(run.runId, "epochs", "3");
    await client.ensureRegisteredModel(model);
    const { version } = await client.createVersion(model, run.runId, `${run.artifactUri}/model`);
    return { run, version };
  }

  /** Path of a new file below the I/O root. */
  write(name: string, content: unknown): string {
    return this.#root.write(name, JSON.stringify(content));
  }
}
