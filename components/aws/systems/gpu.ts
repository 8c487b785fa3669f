import { resources } from "../../platform/values.ts";
import { gpuPresentLabel, gpuTaint } from "../accelerators.ts";
import type { AwsSystem } from "./facts.ts";

const tolerations = [{ key: gpuTaint.key, operator: "Exists", effect: "NoSchedule" }];
const nodeSelector = { [gpuPresentLabel]: "true" };

/**
 * Makes GPUs known to the scheduler. The nodes' image brings driver and container toolkit, so the device
 * plugin alone is enough. Without a GPU node it has no pod and its release is ready at once.
 */
export const devicePlugin: AwsSystem = {
  chart: "nvidia-device-plugin",
  values: () => ({
    nodeSelector,
    tolerations,
    gfd: { enabled: false },
    resources: resources({ cpu: "10m", memory: "48Mi" }, { cpu: "200m", memory: "128Mi" }),
  }),
};

/** GPU metrics for Prometheus. */
export const dcgmExporter: AwsSystem = {
  chart: "dcgm-exporter",
  values: () => ({
    nodeSelector,
    tolerations,
    resources: resources({ cpu: "50m", memory: "192Mi" }, { cpu: "200m", memory: "512Mi" }),
    serviceMonitor: { enabled: true, interval: "15s" },
  }),
};
