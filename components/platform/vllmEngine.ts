/** What vLLM's engine needs on each kind of node; pure. */
import type { Accelerator } from "../target.ts";
import { type ContainerResources, type EnvironmentVariable, resources } from "./values.ts";

/** How one kind of node runs the engine. */
export interface Engine {
  readonly repository: string;
  /** Volume for weights and compiled kernels. */
  readonly disk: string;
  readonly resources: ContainerResources;
  readonly vllmConfig: Readonly<Record<string, unknown>>;
  /** Flags that the chart has no value for. */
  readonly extraArgs: readonly string[];
  readonly environment: readonly EnvironmentVariable[];
  /** Minutes until a first start may be given up: pull, download, compile. */
  readonly startMinutes: number;
}

const lora = ["--enable-lora", "--max-lora-rank", "32"];

export const cpuEngine: Engine = {
  repository: "vllm/vllm-openai-cpu",
  disk: "10Gi",
  resources: resources({ cpu: "1", memory: "4Gi" }, { cpu: "4", memory: "6Gi" }),
  vllmConfig: {
    maxModelLen: 2048,
    maxNumSeqs: 8,
    dtype: "bfloat16",
    maxLoras: 4,
  },
  extraArgs: [...lora, "--enforce-eager"],
  environment: [
    // GiB for the key-value cache; the default takes a share of the node's memory, not of the pod's.
    { name: "VLLM_CPU_KVCACHE_SPACE", value: "1" },
    // Binding threads to cores takes a capability that the pod does not have.
    { name: "VLLM_CPU_OMP_THREADS_BIND", value: "nobind" },
    // Some parts of the sampler are compiled in spite of --enforce-eager: the first answer would take 14 s.
    { name: "TORCH_COMPILE_DISABLE", value: "1" },
  ],
  startMinutes: 20,
};

/** One L4 (24 GB): 7 billion parameters at 16 bits take 14.5 GB, four adapters and the cache the rest. */
export function gpuEngine(accelerator: Accelerator): Engine {
  const gpu = { [accelerator.resourceName]: "1" };
  const { requests, limits } = resources({ cpu: "2", memory: "12Gi" }, { cpu: "3500m", memory: "14Gi" });
  return {
    repository: "vllm/vllm-openai",
    disk: "40Gi",
    resources: { requests: { ...requests, ...gpu }, limits: { ...limits, ...gpu } },
    vllmConfig: {
      maxModelLen: 8192,
      maxNumSeqs: 32,
      dtype: "bfloat16",
      maxLoras: 4,
      gpuMemoryUtilization: 0.9,
      tensorParallelSize: 1,
      enablePrefixCaching: true,
    },
    extraArgs: lora,
    environment: [],
    startMinutes: 25,
  };
}
