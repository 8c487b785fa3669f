import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Credentials } from "./credentials.ts";
import type { Handover } from "./handover.ts";
import type { Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import type { ProcessSpec } from "./process.ts";

/** Buckets that the object store holds from its start. */
export const buckets = ["mlflow-artifacts", "model-registry", "datasets"] as const;

/** Processes beside the control plane, in the order in which they start. */
export const serviceNames = ["minio", "mlflow"] as const;

/** Processes that tools/serving starts beside those while somebody serves models. */
export const servingNames = [
  "triton-0",
  "triton-1",
  "vllm-0",
  "vllm-1",
  "adapters",
  "gateway",
  "reconciler",
] as const;

const region = "us-east-1";
const serveScript = fileURLToPath(new URL("mlflow/serve.py", import.meta.url));

/** How the object store is run. */
export function minioSpec(
  binary: string,
  layout: Layout,
  ports: Ports,
  credentials: Pick<Credentials, "minioAccessKey" | "minioSecretKey">,
): ProcessSpec {
  return {
    name: "minio",
    command: binary,
    args: [
      "server",
      layout.minioData,
      "--address",
      `127.0.0.1:${ports.minio}`,
      "--console-address",
      `127.0.0.1:${ports["minio-console"]}`,
      "--quiet",
    ],
    env: {
      MINIO_ROOT_USER: credentials.minioAccessKey,
      MINIO_ROOT_PASSWORD: credentials.minioSecretKey,
      // No calls to the maker's update server.
      MINIO_UPDATE: "off",
    },
    inputs: [],
  };
}

/**
 * How the tracking server is run: runs and models in SQLite, artifacts through it in the object store.
 *
 * @param python Interpreter of the virtual environment that holds MLflow.
 */
export function mlflowSpec(
  python: string,
  layout: Layout,
  ports: Ports,
  credentials: Pick<Credentials, "minioAccessKey" | "minioSecretKey">,
): ProcessSpec {
  const hosts = ["127.0.0.1", "localhost", "mlflow.localhost"];
  return {
    name: "mlflow",
    command: python,
    args: [
      serveScript,
      `sqlite:///${join(layout.mlflowData, "mlflow.db")}`,
      `s3://${buckets[0]}`,
      String(ports.mlflow),
    ],
    env: {
      AWS_ACCESS_KEY_ID: credentials.minioAccessKey,
      AWS_SECRET_ACCESS_KEY: credentials.minioSecretKey,
      AWS_DEFAULT_REGION: region,
      MLFLOW_S3_ENDPOINT_URL: `http://127.0.0.1:${ports.minio}`,
      // A page of another site must not reach the server under a name of its own (DNS rebinding).
      MLFLOW_SERVER_ALLOWED_HOSTS: hosts.map((host) => `${host}:${ports.mlflow}`).join(","),
      MLFLOW_SERVER_CORS_ALLOWED_ORIGINS: hosts.map((host) => `http://${host}:${ports.mlflow}`).join(","),
      // Usage reports to the maker are off.
      MLFLOW_DISABLE_TELEMETRY: "true",
      DO_NOT_TRACK: "true",
      PYTHONUNBUFFERED: "1",
    },
    inputs: [serveScript],
  };
}

/** Where the object store is, and its administrator's keys. */
export type MinioHandover = NonNullable<Handover["minio"]>;

/** Addresses and credentials of the services, as the handover states them. */
export function serviceHandover(
  ports: Ports,
  credentials: Pick<Credentials, "minioAccessKey" | "minioSecretKey">,
): { minio: MinioHandover; mlflow: NonNullable<Handover["mlflow"]> } {
  return {
    minio: {
      endpoint: `http://127.0.0.1:${ports.minio}`,
      consoleUrl: `http://127.0.0.1:${ports["minio-console"]}`,
      accessKey: credentials.minioAccessKey,
      secretKey: credentials.minioSecretKey,
    },
    mlflow: { url: `http://127.0.0.1:${ports.mlflow}` },
  };
}
