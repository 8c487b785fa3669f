import {
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RevealedOutputs } from "../../support/stack.ts";

/** Checks of the object store and the tracking server, reached as the stack's outputs say. */
export function checkServices(get: () => RevealedOutputs): void {
  let store: S3Client;
  let storeUrl: string;
  let trackingUrl: string;

  beforeAll(() => {
    const { urls = {}, credentials } = get();
    const { username = "", password = "" } = credentials?.minio ?? {};
    trackingUrl = urls.mlflow?.url ?? "";
    storeUrl = urls.s3?.url ?? "";
    store = client(storeUrl, username, password);
  });
  afterAll(() => store?.destroy());

  async function mlflow(method: string, path: string, body: string | object): Promise<unknown> {
    const request =
      typeof body === "string"
        ? { body }
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await fetch(`${trackingUrl}/api/2.0/${path}`, { method, ...request });
    const answer = await response.text();
    expect(response.status, `${path}: ${answer}`).toBe(200);
    return answer === "" ? undefined : JSON.parse(answer);
  }

  it("hold the three buckets, and give back an object that was written", async () => {
    const { Buckets = [] } = await store.send(new ListBucketsCommand());
    expect(Buckets.map(({ Name }) => Name).sort()).toEqual([
      "datasets",
      "mlflow-artifacts",
      "model-registry",
    ]);
    const object = { Bucket: "datasets", Key: "stack/sample.txt" };
    await store.send(new PutObjectCommand({ ...object, Body: "some data" }));
    const { Body } = await store.send(new GetObjectCommand(object));
    expect(await Body?.transformToString()).toBe("some data");
  });

  it("refuse wrong credentials", async () => {
    const stranger = client(storeUrl, "minioadmin", "minioadmin");
    await expect(stranger.send(new ListBucketsCommand())).rejects.toMatchObject({
      name: "InvalidAccessKeyId",
    });
  });

  it("log a run whose artifact lands in the bucket for artifacts", async () => {
    const wanted = { experiment_id: "0", run_name: "stack" };
    const created = (await mlflow("POST", "mlflow/runs/create", wanted)) as {
      run: { info: { run_id: string; artifact_uri: string } };
    };
    const { run_id, artifact_uri } = created.run.info;
    const metric = { run_id, key: "accuracy", value: 0.5, timestamp: 1 };
    await mlflow("POST", "mlflow/runs/log-metric", metric);
    const path = `${artifact_uri.replace(/^mlflow-artifacts:\//, "")}/note.txt`;
    await mlflow("PUT", `mlflow-artifacts/artifacts/${path}`, "an artifact");

    const found = await store.send(new ListObjectsV2Command({ Bucket: "mlflow-artifacts" }));
    expect(found.Contents?.map(({ Key }) => Key)).toEqual([path]);
    const { Body } = await store.send(new GetObjectCommand({ Bucket: "mlflow-artifacts", Key: path }));
    expect(await Body?.transformToString()).toBe("an artifact");
  });
}

function client(endpoint: string, accessKeyId: string, secretAccessKey: string): S3Client {
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
}
