/** How what serves models is run beside the embedded cluster. */
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vllmGuard } from "../../components/platform/vllmGuard.ts";
import { vllmAdminSecret } from "../../components/tenancy/names.ts";
import type { ProcessSpec } from "../embedded/process.ts";
import type { MinioHandover } from "../embedded/services.ts";
import { projectRoot } from "../lib/paths.ts";
import { modelRepository } from "./modelRepository.ts";
import type { BaseModel } from "./tinyDocs.ts";
import type { TritonInstallation } from "./tritonEnvironment.ts";

const region = "us-east-1";
const vllmScript = fileURLToPath(new URL("vllm/serve.sh", import.meta.url));

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

/** What the vLLM servers beside the cluster can hold; the gateway's own default. */
const slots = 4;

export interface VllmPlace {
  readonly port: number;
  /** Number of the core that it computes on. */
  readonly core: number;
  /** Folder of the middleware, see `placeGuard`. */
  readonly guardDir: string;
}

/**
 * The word by which the vLLM servers know the reconciler. It follows from the object store's key, so that every start
 * finds the same.
 */
export function vllmAdminToken({ secretKey }: MinioHandover): string {
  return createHmac("sha256", secretKey).update("vllm-admin").digest("hex");
}

/**
 * One vLLM server on one core, with adapters loaded at run time, on the loopback interface only.
 *
 * @param python Interpreter of the virtual environment that holds vLLM.
 */
export function vllmSpec(
  name: string,
  python: string,
  base: BaseModel,
  minio: MinioHandover,
  { port, core, guardDir }: VllmPlace,
): ProcessSpec {
  return {
    name,
    command: "/bin/sh",
    args: [
      ...[vllmScript, python, "-m", "vllm.entrypoints.cli.main", "serve", base.folder],
      ...["--served-model-name", `${base.name}@${base.revision}`],
      ...["--host", "127.0.0.1", "--port", String(port), "--middleware", vllmGuard.middleware],
      ...["--enable-lora", "--max-loras", String(slots), "--max-lora-rank", "16"],
      ...["--dtype", "float32", "--enforce-eager"],
      // A tiny model needs little of either; the defaults are made for machines with hundreds of GiB.
      ...["--kv-cache-memory-bytes", String(256 << 20), "--max-num-seqs", "32"],
      ...["--max-num-batched-tokens", "2048", "--disable-uvicorn-access-log"],
    ],
    env: {
      PYTHONPATH: guardDir,
      [vllmAdminSecret.key]: vllmAdminToken(minio),
      VLLM_ALLOW_RUNTIME_LORA_UPDATING: "True",
      VLLM_CPU_OMP_THREADS_BIND: String(core),
      HF_HUB_OFFLINE: "1",
      // Some parts of the sampler are compiled in spite of --enforce-eager: with a C++ compiler the first answer
      // takes 14 s, without one there is none.
      TORCH_COMPILE_DISABLE: "1",
      // Usage reports to the maker are off.
      VLLM_NO_USAGE_STATS: "1",
      DO_NOT_TRACK: "1",
    },
    inputs: [vllmScript],
  };
}

/** What keeps the folder equal to the records that every vLLM server beside the cluster loads adapters from. */
export function adaptersSpec(
  name: string,
  minio: MinioHandover,
  addresses: Pick<ServingAddresses, "vllm" | "adapters">,
): ProcessSpec {
  return nodeSpec(name, "adapters", appEnvironment(minio, addresses));
}

/** Addresses of what one part asks of the others. */
export interface ServingAddresses {
  readonly triton: readonly string[];
  readonly vllm: readonly string[];
  /** Folder of adapters, and the port of the process that fills it. */
  readonly adapters: { readonly dir: string; readonly port: number };
  readonly gatewayAdmin: readonly string[];
}

/** The servers of a stack, which may have only one kind. */
export type ModelServers = Partial<Pick<ServingAddresses, "triton" | "vllm" | "adapters">>;

export function gatewaySpec(
  name: string,
  minio: MinioHandover,
  addresses: ModelServers,
  ports: { readonly http: number; readonly admin: number },
): ProcessSpec {
  return nodeSpec(name, "serve", {
    ...appEnvironment(minio, addresses),
    MLOPS_GATEWAY_PORT: String(ports.http),
    MLOPS_GATEWAY_ADMIN_PORT: String(ports.admin),
    // Nothing stands before it that would have to notice.
    MLOPS_GATEWAY_NOTICE_MS: "0",
  });
}

export function reconcilerSpec(
  name: string,
  minio: MinioHandover,
  { gatewayAdmin, ...addresses }: ModelServers & Pick<ServingAddresses, "gatewayAdmin">,
  port: number,
): ProcessSpec {
  return nodeSpec(name, "reconcile", {
    ...appEnvironment(minio, addresses),
    MLOPS_RECONCILER_PORT: String(port),
    ...(addresses.vllm === undefined ? {} : { [vllmAdminSecret.key]: vllmAdminToken(minio) }),
    MLOPS_GATEWAY_ADMIN_URLS: gatewayAdmin.join(","),
  });
}

function nodeSpec(name: string, command: string, env: Readonly<Record<string, string>>): ProcessSpec {
  const args = [join(projectRoot, "apps", "gateway", "main.ts"), command];
  return { name, command: process.execPath, args, env, inputs: [] };
}

function appEnvironment(
  minio: MinioHandover,
  { triton, vllm, adapters }: ModelServers,
): Record<string, string> {
  return {
    ...storeEnvironment(minio),
    AWS_REGION: region,
    AWS_ENDPOINT_URL_S3: minio.endpoint,
    MLOPS_BUCKET_MODEL_REGISTRY: modelRepository.bucket,
    ...(triton === undefined ? {} : { MLOPS_TRITON_URLS: triton.join(",") }),
    ...(vllm === undefined ? {} : { MLOPS_VLLM_URLS: vllm.join(","), MLOPS_VLLM_SLOTS: String(slots) }),
    ...(adapters === undefined
      ? {}
      : { MLOPS_VLLM_ADAPTER_DIR: adapters.dir, MLOPS_ADAPTERS_PORT: String(adapters.port) }),
    MLOPS_LISTEN_HOST: "127.0.0.1",
  };
}

function storeEnvironment(minio: MinioHandover): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: minio.accessKey, AWS_SECRET_ACCESS_KEY: minio.secretKey };
}
