/** How what serves models is run beside the embedded cluster. */
import { join } from "node:path";
import type { ProcessSpec } from "../embedded/process.ts";
import type { MinioHandover } from "../embedded/services.ts";
import { projectRoot } from "../lib/paths.ts";
import { modelRepository } from "./modelRepository.ts";
import type { TritonInstallation } from "./tritonEnvironment.ts";

const region = "us-east-1";

export interface TritonPorts {
  readonly http: number;
  readonly grpc: number;
  readonly metrics: number;
}

/** One Triton server: without a model at its start, and on the loopback interface only. */
export function tritonSpec(
  name: string,
  installation: TritonInstallation,
  minio: MinioHandover,
  ports: TritonPorts,
): ProcessSpec {
  return {
    name,
    command: installation.server,
    args: [
      `--model-repository=s3://${minio.endpoint}/${modelRepository.bucket}/${modelRepository.folder}`,
      "--model-control-mode=explicit",
      `--backend-directory=${installation.backends}`,
      "--http-address=127.0.0.1",
      `--http-port=${ports.http}`,
      "--grpc-address=127.0.0.1",
      `--grpc-port=${ports.grpc}`,
      "--metrics-address=127.0.0.1",
      `--metrics-port=${ports.metrics}`,
      "--exit-timeout-secs=10",
    ],
    env: {
      ...storeEnvironment(minio),
      AWS_DEFAULT_REGION: region,
      // No request to a cloud's metadata service, which no laptop answers.
      AWS_EC2_METADATA_DISABLED: "true",
      PATH: `${installation.pythonBin}:/usr/bin:/bin`,
      LD_LIBRARY_PATH: installation.pythonLibrary,
    },
    inputs: [],
  };
}

/** Addresses of what one part asks of the others. */
export interface ServingAddresses {
  readonly triton: readonly string[];
  readonly gatewayAdmin: readonly string[];
}

export function gatewaySpec(
  name: string,
  minio: MinioHandover,
  { triton }: Pick<ServingAddresses, "triton">,
  ports: { readonly http: number; readonly admin: number },
): ProcessSpec {
  return nodeSpec(name, "serve", {
    ...appEnvironment(minio, triton),
    MLOPS_GATEWAY_PORT: String(ports.http),
    MLOPS_GATEWAY_ADMIN_PORT: String(ports.admin),
    // Nothing stands before it that would have to notice.
    MLOPS_GATEWAY_NOTICE_MS: "0",
  });
}

export function reconcilerSpec(
  name: string,
  minio: MinioHandover,
  { triton, gatewayAdmin }: ServingAddresses,
  port: number,
): ProcessSpec {
  return nodeSpec(name, "reconcile", {
    ...appEnvironment(minio, triton),
    MLOPS_RECONCILER_PORT: String(port),
    MLOPS_GATEWAY_ADMIN_URLS: gatewayAdmin.join(","),
  });
}

function nodeSpec(name: string, command: string, env: Readonly<Record<string, string>>): ProcessSpec {
  const args = [join(projectRoot, "apps", "gateway", "main.ts"), command];
  return { name, command: process.execPath, args, env, inputs: [] };
}

function appEnvironment(minio: MinioHandover, triton: readonly string[]): Record<string, string> {
  return {
    ...storeEnvironment(minio),
    AWS_REGION: region,
    AWS_ENDPOINT_URL_S3: minio.endpoint,
    MLOPS_BUCKET_MODEL_REGISTRY: modelRepository.bucket,
    MLOPS_TRITON_URLS: triton.join(","),
    MLOPS_LISTEN_HOST: "127.0.0.1",
  };
}

function storeEnvironment(minio: MinioHandover): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: minio.accessKey, AWS_SECRET_ACCESS_KEY: minio.secretKey };
}
