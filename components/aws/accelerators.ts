/** How pods find GPU nodes on EKS. */
import type { Accelerator, AcceleratorClass } from "../target.ts";

/** Node label that carries the accelerator class; the same as on a local cluster. */
export const acceleratorLabel = "mlops.dev/accelerator";

/** By this label the device plugin's chart knows which nodes to run on. */
export const gpuPresentLabel = "nvidia.com/gpu.present";

/** By this label cluster-autoscaler knows that a node which shows no GPU yet will show one soon. */
export const autoscalerGpuLabel = "k8s.amazonaws.com/accelerator";

const autoscalerGpuNames = { l4: "nvidia-l4", t4: "nvidia-tesla-t4" } as const satisfies Record<
  AcceleratorClass,
  string
>;

/** Keeps pods without a GPU off the expensive nodes. */
export const gpuTaint = { key: "nvidia.com/gpu", value: "present" } as const;

export function gpuNodeLabels(accelerator: AcceleratorClass): Readonly<Record<string, string>> {
  return {
    [acceleratorLabel]: accelerator,
    [gpuPresentLabel]: "true",
    [autoscalerGpuLabel]: autoscalerGpuNames[accelerator],
  };
}

/** @param capacity GPUs that can exist at most. */
export function gpuScheduling(accelerator: AcceleratorClass, capacity: number): Accelerator {
  return {
    resourceName: "nvidia.com/gpu",
    nodeSelector: { [acceleratorLabel]: accelerator },
    tolerations: [{ key: gpuTaint.key, operator: "Exists", effect: "NoSchedule" }],
    capacity,
  };
}
