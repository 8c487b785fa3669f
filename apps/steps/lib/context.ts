import { MlflowClient } from "@mlops/mlflow";
import {
  changeRecord,
  type ModelRecord,
  type ObjectStore,
  parseReplicaUrls,
  type RecordState,
  type ReplicaSource,
  readRecord,
  s3Bucket,
  withRetries,
} from "@mlops/registry";
import type { Environment } from "./environment.ts";
import { InputError } from "./errors.ts";
import { StepFiles } from "./files.ts";

/** What a step works with. Clients are made when they are first used. */
export class StepContext {
  readonly environment: Environment;
  /** One fact a line, for people. */
  readonly log: (line: string) => void;
  readonly files: StepFiles;
  /** Workflow and step, for the record. */
  readonly actor: string;
  #registry: ObjectStore | undefined;
  #mlflow: MlflowClient | undefined;

  constructor(step: string, environment: Environment, log: (line: string) => void) {
    this.environment = environment;
    this.log = log;
    this.files = new StepFiles(environment.optional("MLOPS_IO_ROOT") ?? "/");
    const workflow = environment.optional("MLOPS_WORKFLOW") ?? "by hand";
    this.actor = `${workflow}/${environment.optional("MLOPS_STEP") ?? step}`;
  }

  /** The model-registry bucket; every operation waits for a store that is away for a moment. */
  get registry(): ObjectStore {
    this.#registry ??= withRetries(
      s3Bucket({
        bucket: this.environment.required("MLOPS_BUCKET_MODEL_REGISTRY"),
        region: this.environment.required("AWS_REGION"),
        endpoint: this.environment.optional("AWS_ENDPOINT_URL_S3"),
      }),
    );
    return this.#registry;
  }

  get mlflow(): MlflowClient {
    this.#mlflow ??= new MlflowClient(this.environment.required("MLFLOW_TRACKING_URI"));
    return this.#mlflow;
  }

  replicas(variable: "MLOPS_TRITON_URLS" | "MLOPS_VLLM_URLS" | "MLOPS_GATEWAY_ADMIN_URLS"): ReplicaSource {
    try {
      return parseReplicaUrls(this.environment.required(variable));
    } catch (error) {
      throw new InputError(`environment variable ${variable}: ${(error as Error).message}`);
    }
  }

  /** The record of a model, which must exist. */
  async record(model: string): Promise<ModelRecord> {
    const found = await readRecord(this.registry, model);
    if (found !== undefined) return found.record;
    throw new InputError(
      `nothing is known of model ${model}: no version of it has passed the gates of training; is the name right?`,
    );
  }

  /** Changes a model's record in the name of this step. */
  change(
    model: string,
    change: (state: RecordState | undefined) => RecordState | undefined,
  ): Promise<ModelRecord | undefined> {
    return changeRecord(this.registry, { model, change, actor: this.actor });
  }
}
