import type { Accelerator, AcceleratorClass } from "../../../components/target.ts";
import type { CompileEnvironment } from "../../../pipelines/builder/index.ts";

function accelerator(name: AcceleratorClass, capacity: number): Accelerator {
  return {
    resourceName: "nvidia.com/gpu",
    nodeSelector: { "mlops.dev/accelerator": name },
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
    capacity,
  };
}

/** A place with GPUs in the cluster, none of which the namespace may hold. */
export const place: CompileEnvironment = {
  namespace: "pipelines",
  images: {
    training: "registry.localhost:5000/training:1.2.3",
    deployment: "registry.localhost:5000/deployment:1.2.3",
    benchmark: "registry.localhost:5000/benchmark:1.2.3",
  },
  objectStoreSecret: "object-store",
  accelerators: { l4: accelerator("l4", 1), t4: accelerator("t4", 2) },
  gpus: 0,
};

/** What every step of a test needs. */
export const small = {
  image: "deployment",
  runs: "step",
  resources: { cpu: "1", memory: "1Gi" },
  deadline: 60,
} as const;
