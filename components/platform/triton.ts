import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { identityOf, tritonWorkload } from "../tenancy/workloads.ts";
import type { System, ValuesContext } from "./system.ts";
import { endpointParts, gpuPodLabels, resources } from "./values.ts";

const { namespace } = charts.triton;

const cpu = {
  small: resources({ cpu: "250m", memory: "768Mi" }, { cpu: "2", memory: "2Gi" }),
  production: resources({ cpu: "1", memory: "2Gi" }, { cpu: "4", memory: "4Gi" }),
} as const satisfies Record<Size, unknown>;

/** Fits g4dn.xlarge (4 vCPU, 16 GiB, one T4) beside its daemonsets. */
const gpu = {
  small: resources({ cpu: "1", memory: "4Gi" }, { cpu: "3", memory: "8Gi" }),
  production: resources({ cpu: "2", memory: "8Gi" }, { cpu: "3", memory: "12Gi" }),
} as const satisfies Record<Size, unknown>;

function values(context: ValuesContext): Record<string, unknown> {
  const { target, size } = context;
  const { accelerator: accelerated, replicas } = context.options.triton ?? { replicas: 1 };
  const { endpoint, buckets, region } = target.objectStore;
  // Checked here, because Triton would say only that the repository is not there.
  endpointParts(target.objectStore);
  const identity = identityOf(target, tritonWorkload);
  const accelerator = accelerated === undefined ? undefined : target.accelerators[accelerated];
  return {
    replicas,
    modelRepository: {
      bucket: buckets.modelRegistry,
      prefix: "triton",
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(identity.secretName === undefined ? {} : { existingSecret: identity.secretName }),
    },
    serviceAccount: { name: tritonWorkload.serviceAccount, annotations: identity.annotations },
    resources: accelerator === undefined ? cpu[size] : gpu[size],
    ...(accelerator === undefined
      ? {}
      : {
          gpus: 1,
          podLabels: gpuPodLabels("serving"),
          nodeSelector: accelerator.nodeSelector,
          tolerations: accelerator.tolerations,
          // A rolling update that starts the new replica first would need a second GPU.
          strategy: { maxSurge: 0, maxUnavailable: 1 },
        }),
    serviceMonitor: { enabled: true },
  };
}

/**
 * Triton Inference Server by our own chart: starts without a model, loads what it is told to.
 *
 * Its image, `nvcr.io/nvidia/tritonserver:26.04-py3`, is large: about 8 GB to pull and 20 GB on disk.
 */
export const triton: System = {
  chart: "triton",
  values,
  endpoints: {
    "triton-http": `http://triton.${namespace}.svc.cluster.local:8000`,
    "triton-grpc": `triton.${namespace}.svc.cluster.local:8001`,
  },
};
