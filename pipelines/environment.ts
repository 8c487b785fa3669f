/** What every step finds in its environment: the ConfigMap `platform`. */
import type { Input } from "@pulumi/pulumi";
import { charts } from "../charts.ts";
import type { PlatformOptions } from "../components/platform/system.ts";
import { cpuEngine, gpuEngine } from "../components/platform/vllmEngine.ts";
import type { ClusterTarget } from "../components/target.ts";
import { parseQuantity } from "../policy/rules/quantity.ts";

/** US dollars. */
export interface Rates {
  readonly gpuHour: number;
  readonly cpuCoreHour: number;
  readonly memoryGibHour: number;
}

export const defaultRates: Rates = { gpuHour: 0.25, cpuCoreHour: 0.05, memoryGibHour: 0.005 };

const serving = charts.triton.namespace;
const inCluster = (host: string, port: number): string => `http://${host}.svc.cluster.local:${port}`;
/** Every address record of a headless service is a replica. */
const everyReplica = (host: string, port: number): string => `dns+${inCluster(host, port)}`;

/** Variables whose service, where pods do not run, is a process beside the cluster: by its name there. */
const addresses: Readonly<Record<string, { readonly process: string; readonly pods: string }>> = {
  MLFLOW_TRACKING_URI: { process: "mlflow", pods: inCluster(`mlflow.${charts.mlflow.namespace}`, 5000) },
  MLOPS_TRITON_URLS: { process: "triton", pods: everyReplica(`triton-replicas.${serving}`, 8000) },
  MLOPS_VLLM_URLS: { process: "vllm", pods: everyReplica(`vllm-replicas.${serving}`, 8000) },
  MLOPS_GATEWAY_URL: { process: "gateway", pods: inCluster(`gateway.${serving}`, 8080) },
  MLOPS_GATEWAY_ADMIN_URLS: {
    process: "gateway-admin",
    pods: everyReplica(`gateway-replicas.${serving}`, 8081),
  },
  MLOPS_RECONCILER_URL: { process: "reconciler", pods: inCluster(`reconciler.${serving}`, 8082) },
};

type Place = Pick<ClusterTarget, "objectStore" | "processes" | "runsPods" | "accelerators">;

/** What vLLM serves, as the platform's options have it. */
type Llm = PlatformOptions["llm"];

/** The base model that adapters are trained for and served on. An empty revision is whatever the data sets' bucket holds. */
function baseModel({ runsPods }: Place, llm: Llm): Record<string, string> {
  const [name, revision] = runsPods ? [llm?.model ?? "", llm?.revision ?? ""] : ["tiny-docs", ""];
  return { MLOPS_LLM_BASE_MODEL: name, MLOPS_LLM_BASE_REVISION: revision };
}

/** Shape of a replica of vLLM, as a part of what its speed depends on. */
function machine({ runsPods, accelerators }: Place, llm: Llm): string {
  // Beside a simulated cluster each replica is bound to one core.
  if (!runsPods) return JSON.stringify({ cores: 1, memory_gib: 3, accelerator: null, accelerators: 0 });
  const name = llm?.accelerator;
  const { cpu = "1", memory = "1Gi" } = (name === undefined ? cpuEngine : gpuEngine(accelerators[name]))
    .resources.limits;
  return JSON.stringify({
    cores: Math.ceil(parseQuantity(cpu) ?? 1),
    memory_gib: Math.ceil((parseQuantity(memory) ?? 0) / 2 ** 30),
    accelerator: name ?? null,
    accelerators: name === undefined ? 0 : 1,
  });
}

/** Addresses, buckets and rates of a target, by variable. Services that do not run there are left out. */
export function stepEnvironment(
  target: Place,
  rates: Rates = defaultRates,
  llm?: Llm,
  keptVersions?: number,
): Record<string, Input<string>> {
  const { objectStore, processes, runsPods } = target;
  const { buckets, region, endpoint } = objectStore;
  const storeUrl = runsPods ? endpoint : processes?.s3;
  const located = Object.entries(addresses).flatMap(([variable, { process, pods }]): [string, string][] => {
    const address = runsPods ? pods : processes?.[process];
    return address === undefined ? [] : [[variable, address]];
  });
  return {
    ...Object.fromEntries(located),
    ...(storeUrl === undefined ? {} : { AWS_ENDPOINT_URL_S3: storeUrl }),
    AWS_REGION: region,
    MLOPS_BUCKET_MLFLOW_ARTIFACTS: buckets.mlflowArtifacts,
    MLOPS_BUCKET_MODEL_REGISTRY: buckets.modelRegistry,
    MLOPS_BUCKET_DATASETS: buckets.datasets,
    // The tritonserver beside a simulated cluster comes without ONNX Runtime: a Python model calls it.
    MLOPS_TRITON_BACKEND: runsPods ? "onnxruntime" : "python",
    ...(keptVersions === undefined ? {} : { MLOPS_KEPT_VERSIONS: String(keptVersions) }),
    ...baseModel(target, llm),
    MLOPS_LLM_MACHINE: machine(target, llm),
    MLOPS_COST_GPU_HOUR: String(rates.gpuHour),
    MLOPS_COST_CPU_HOUR: String(rates.cpuCoreHour),
    MLOPS_COST_MEMORY_GIB_HOUR: String(rates.memoryGibHour),
  };
}
