import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { MlflowClient, MlflowError, TransientError } from "@mlops/mlflow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const policy = { deadlineMs: 2_000, firstDelayMs: 1, maximumDelayMs: 5 };

interface Reply {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
}

/** Answers requests in turn; `requests` holds what came. */
let replies: (Reply | "break")[];
let requests: { readonly line: string; readonly body: string }[];
let server: Server;
let client: MlflowClient;

beforeEach(async () => {
  replies = [];
  requests = [];
  server = createServer((incoming, outgoing) => {
    void read(incoming).then((body) => {
      requests.push({ line: `${incoming.method} ${incoming.url}`, body });
      const reply = replies.shift() ?? { status: 500 };
      if (reply === "break") incoming.socket.destroy();
      else outgoing.writeHead(reply.status ?? 200).end(reply.text ?? JSON.stringify(reply.json ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = new MlflowClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, policy);
});

afterEach(() => {
  server.close();
});

async function read(incoming: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of incoming) body += chunk;
  return body;
}

const version = {
  model_version: { name: "digits", version: "3", run_id: "r", tags: [{ key: "a", value: "b" }] },
};

describe("MlflowClient", () => {
  it("reads a version by its alias", async () => {
    replies = [{ json: version }];
    expect(await client.getVersionByAlias("digits", "deploy")).toMatchObject({ version: "3", runId: "r" });
    expect(requests[0]?.line).toBe("GET /api/2.0/mlflow/registered-models/alias?name=digits&alias=deploy");
  });

  it.each<[string, Reply | "break"]>([
    ["a broken connection", "break"],
    ["an error of the server", { status: 503, text: "starting" }],
    ["too many requests", { status: 429 }],
  ])("tries again after %s", async (_what, failure) => {
    replies = [failure, failure, { json: version }];
    expect((await client.getVersion("digits", "3"))?.version).toBe("3");
    expect(requests).toHaveLength(3);
  });

  it("gives up after the deadline, and says what was asked of whom", async () => {
    const dead = new MlflowClient("http://127.0.0.1:9", {
      deadlineMs: 50,
      firstDelayMs: 1,
      maximumDelayMs: 5,
    });
    const failure = dead.getVersion("digits", "3");
    await expect(failure).rejects.toThrow(TransientError);
    await expect(failure).rejects.toThrow(
      /GET http:\/\/127\.0\.0\.1:9\/api\/2\.0\/mlflow\/model-versions\/get: .*gave up after \d+ attempts/,
    );
  });

  it("does not repeat what MLflow refuses, and keeps its words", async () => {
    const refusal = { error_code: "INVALID_PARAMETER_VALUE", message: "Invalid alias name: 'v1'" };
    replies = [{ status: 400, json: refusal }];
    const failure = client.setAlias("digits", "v1", "3");
    await expect(failure).rejects.toThrow(MlflowError);
    await expect(failure).rejects.toThrow("Invalid alias name: 'v1'");
    expect(requests).toHaveLength(1);
  });

  it("finds nothing where MLflow has nothing", async () => {
    const missing: Reply = { status: 404, json: { error_code: "RESOURCE_DOES_NOT_EXIST", message: "no" } };
    replies = [missing, missing, missing];
    expect(await client.getVersion("digits", "9")).toBeUndefined();
    expect(await client.getAliases("digits")).toEqual(new Map());
    await client.deleteAlias("digits", "live");
  });

  it("refuses answers of another shape", async () => {
    replies = [{ json: { versions: [] } }];
    await expect(client.getVersion("digits", "3")).rejects.toThrow(
      "answered something else than MLflow 3 does",
    );
    replies = [{ text: "<html>" }];
    await expect(client.getVersion("digits", "3")).rejects.toThrow(
      "something else than MLflow 3 does: <html>",
    );
  });

  it("takes an experiment or a model that another has made meanwhile", async () => {
    const exists: Reply = { status: 400, json: { error_code: "RESOURCE_ALREADY_EXISTS", message: "exists" } };
    const missing: Reply = { status: 404, json: { error_code: "RESOURCE_DOES_NOT_EXIST", message: "no" } };
    replies = [missing, exists, { json: { experiment: { experiment_id: "7" } } }, exists];
    expect(await client.ensureExperiment("training")).toBe("7");
    await client.ensureRegisteredModel("digits");
  });

  it("does not send numbers that MLflow cannot store", async () => {
    await expect(client.logBatch("r", { metrics: { loss: Number.NaN } })).rejects.toThrow(
      "metric loss is NaN",
    );
    expect(requests).toEqual([]);
  });

  it("refuses an address that is none of a server", () => {
    expect(() => new MlflowClient("sqlite:///mlflow.db")).toThrow("must be an http(s) address");
  });
});

describe("artifacts", () => {
  const run = { artifactUri: "mlflow-artifacts:/1/abc/artifacts" };

  it("are read through the tracking server, and undefined where there are none", async () => {
    const files: Reply = { json: { files: [{ path: "model.onnx", is_dir: false, file_size: 3 }] } };
    replies = [files, { text: "net" }, files];
    expect(new TextDecoder().decode(await client.artifacts.read(run, "onnx/model.onnx"))).toBe("net");
    expect(await client.artifacts.read(run, "onnx/other file.json")).toBeUndefined();
    const base = "/api/2.0/mlflow-artifacts/artifacts";
    expect(requests.map(({ line }) => line)).toEqual([
      `GET ${base}?path=1%2Fabc%2Fartifacts%2Fonnx`,
      `GET ${base}/1/abc/artifacts/onnx/model.onnx`,
      `GET ${base}?path=1%2Fabc%2Fartifacts%2Fonnx`,
    ]);
  });

  it("are written again when the first attempt broke off", async () => {
    replies = ["break", {}];
    await client.artifacts.write(run, "gates/a b.json", new TextEncoder().encode("{}"));
    expect(requests.map(({ body }) => body)).toEqual(["{}", "{}"]);
    expect(requests[0]?.line).toBe(
      "PUT /api/2.0/mlflow-artifacts/artifacts/1/abc/artifacts/gates/a%20b.json",
    );
  });

  it("that the server does not pass on are refused", async () => {
    await expect(client.artifacts.read({ artifactUri: "s3://bucket/1" }, "x")).rejects.toThrow(
      "--serve-artifacts",
    );
  });
});
