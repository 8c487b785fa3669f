import { z } from "zod";
import { MlflowArtifacts } from "./artifacts.ts";
import { MlflowError, MlflowHttp } from "./http.ts";
import type { RetryPolicy } from "./retry.ts";

const api = "/api/2.0/mlflow";

const keyValue = z.object({ key: z.string(), value: z.string().default("") });
const runAnswer = z.object({
  run: z.object({
    info: z.object({
      run_id: z.string(),
      experiment_id: z.string(),
      status: z.string(),
      artifact_uri: z.string(),
    }),
    data: z
      .object({
        params: z.array(keyValue).default([]),
        tags: z.array(keyValue).default([]),
        metrics: z.array(z.object({ key: z.string(), value: z.number() })).default([]),
      })
      .default({ params: [], tags: [], metrics: [] }),
  }),
});
const versionBody = z.object({
  name: z.string(),
  version: z.string(),
  run_id: z.string().optional(),
  status: z.string().optional(),
  tags: z.array(keyValue).default([]),
});
const versionAnswer = z.object({ model_version: versionBody });
const modelAnswer = z.object({
  registered_model: z.object({
    name: z.string(),
    aliases: z.array(z.object({ alias: z.string(), version: z.string() })).default([]),
  }),
});
const experimentAnswer = z.object({ experiment: z.object({ experiment_id: z.string() }) });
const nothing = z.object({});

export interface Run {
  readonly runId: string;
  readonly experimentId: string;
  readonly status: string;
  /** `mlflow-artifacts:/...` where the server passes artifacts on. */
  readonly artifactUri: string;
  readonly params: ReadonlyMap<string, string>;
  readonly metrics: ReadonlyMap<string, number>;
  readonly tags: ReadonlyMap<string, string>;
}

export interface ModelVersion {
  readonly name: string;
  readonly version: string;
  readonly runId: string;
  readonly tags: ReadonlyMap<string, string>;
}

/**
 * MLflow's REST API, as far as deployment needs it. Answers are checked; a server that is away is waited for
 * (see `RetryPolicy`); what it refuses is thrown as MlflowError.
 */
export class MlflowClient {
  readonly artifacts: MlflowArtifacts;
  readonly #http: MlflowHttp;

  constructor(trackingUri: string, policy?: RetryPolicy) {
    this.#http = new MlflowHttp(trackingUri, policy);
    this.artifacts = new MlflowArtifacts(this.#http);
  }

  async getRun(runId: string): Promise<Run> {
    const { run } = await this.#get("/runs/get", { run_id: runId }, runAnswer);
    return {
      runId: run.info.run_id,
      experimentId: run.info.experiment_id,
      status: run.info.status,
      artifactUri: run.info.artifact_uri,
      params: toMap(run.data.params),
      metrics: new Map(run.data.metrics.map(({ key, value }) => [key, value])),
      tags: toMap(run.data.tags),
    };
  }

  /** Identifier of the experiment of that name, which is made if it is missing. */
  async ensureExperiment(name: string): Promise<string> {
    const find = () => this.#get("/experiments/get-by-name", { experiment_name: name }, experimentAnswer);
    const found = await unlessMissing(find);
    if (found !== undefined) return found.experiment.experiment_id;
    try {
      const created = await this.#post(
        "/experiments/create",
        { name },
        z.object({ experiment_id: z.string() }),
      );
      return created.experiment_id;
    } catch (error) {
      // Another process, or a first attempt whose answer was lost, made it.
      if (isError(error, "RESOURCE_ALREADY_EXISTS")) return (await find()).experiment.experiment_id;
      throw error;
    }
  }

  /** Starts a run. A repeated request may leave an empty run behind. */
  async createRun(experimentId: string, name: string): Promise<Run> {
    const body = { experiment_id: experimentId, run_name: name, start_time: Date.now() };
    const { run } = await this.#post("/runs/create", body, runAnswer);
    return this.getRun(run.info.run_id);
  }

  async finishRun(runId: string, status: "FINISHED" | "FAILED"): Promise<void> {
    await this.#post("/runs/update", { run_id: runId, status, end_time: Date.now() }, z.object({}));
  }

  async logParam(runId: string, key: string, value: string): Promise<void> {
    await this.#post("/runs/log-parameter", { run_id: runId, key, value }, nothing);
  }

  /** Logs metrics, which must be finite (MLflow's JSON has no other numbers), and tags, in one request. */
  async logBatch(
    runId: string,
    {
      metrics = {},
      tags = {},
    }: {
      readonly metrics?: Readonly<Record<string, number>>;
      readonly tags?: Readonly<Record<string, string>>;
    },
  ): Promise<void> {
    for (const [key, value] of Object.entries(metrics)) {
      if (!Number.isFinite(value)) throw new Error(`metric ${key} is ${value}, which MLflow cannot store`);
    }
    const timestamp = Date.now();
    await this.#post(
      "/runs/log-batch",
      {
        run_id: runId,
        metrics: Object.entries(metrics).map(([key, value]) => ({ key, value, timestamp, step: 0 })),
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      },
      nothing,
    );
  }

  /** Makes the registered model if it is missing. */
  async ensureRegisteredModel(name: string): Promise<void> {
    try {
      await this.#post("/registered-models/create", { name }, modelAnswer);
    } catch (error) {
      if (!isError(error, "RESOURCE_ALREADY_EXISTS")) throw error;
    }
  }

  /** Registers a version. A repeated request may register a second one. */
  async createVersion(name: string, runId: string, source: string): Promise<ModelVersion> {
    const answer = await this.#post("/model-versions/create", { name, run_id: runId, source }, versionAnswer);
    return toVersion(answer.model_version);
  }

  /** undefined if there is no such version. */
  async getVersion(name: string, version: string): Promise<ModelVersion | undefined> {
    const answer = await unlessMissing(() =>
      this.#get("/model-versions/get", { name, version }, versionAnswer),
    );
    return answer && toVersion(answer.model_version);
  }

  /** The version that `alias` names; undefined if there is no such model or alias. */
  async getVersionByAlias(name: string, alias: string): Promise<ModelVersion | undefined> {
    try {
      const answer = await this.#get("/registered-models/alias", { name, alias }, versionAnswer);
      return toVersion(answer.model_version);
    } catch (error) {
      // MLflow calls a missing alias an invalid parameter.
      if (isError(error, "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")) return undefined;
      throw error;
    }
  }

  async setVersionTag(name: string, version: string, key: string, value: string): Promise<void> {
    await this.#post("/model-versions/set-tag", { name, version, key, value }, nothing);
  }

  /** Version by alias, of a model that may be missing. */
  async getAliases(name: string): Promise<Map<string, string>> {
    const answer = await unlessMissing(() => this.#get("/registered-models/get", { name }, modelAnswer));
    const aliases = answer?.registered_model.aliases ?? [];
    return new Map(aliases.map(({ alias, version }) => [alias, version]));
  }

  async setAlias(name: string, alias: string, version: string): Promise<void> {
    await this.#post("/registered-models/alias", { name, alias, version }, nothing);
  }

  /** No error if the alias is missing. */
  async deleteAlias(name: string, alias: string): Promise<void> {
    const json = { name, alias };
    await unlessMissing(() =>
      this.#http.json({ method: "DELETE", path: `${api}/registered-models/alias`, json }, nothing),
    );
  }

  #get<Schema extends z.ZodType>(path: string, query: Record<string, string>, schema: Schema) {
    return this.#http.json({ method: "GET", path: `${api}${path}`, query }, schema);
  }

  #post<Schema extends z.ZodType>(path: string, json: unknown, schema: Schema) {
    return this.#http.json({ method: "POST", path: `${api}${path}`, json }, schema);
  }
}

function toVersion(body: z.infer<typeof versionBody>): ModelVersion {
  return { name: body.name, version: body.version, runId: body.run_id ?? "", tags: toMap(body.tags) };
}

function toMap(entries: readonly { readonly key: string; readonly value: string }[]): Map<string, string> {
  return new Map(entries.map(({ key, value }) => [key, value]));
}

function isError(error: unknown, ...codes: string[]): boolean {
  return error instanceof MlflowError && codes.includes(error.code);
}

async function unlessMissing<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isError(error, "RESOURCE_DOES_NOT_EXIST")) return undefined;
    throw error;
  }
}
