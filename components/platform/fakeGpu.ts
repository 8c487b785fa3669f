import * as k8s from "@pulumi/kubernetes";
import { charts } from "../../charts.ts";
import type { AcceleratorClass, Size } from "../target.ts";
import { objectOptions } from "./secret.ts";
import type { System, ValuesContext } from "./system.ts";
import { gpuPodLabels, resources, restrictedContainer, restrictedPod } from "./values.ts";

const { namespace } = charts["fake-gpu-operator"];

/** What a simulated GPU says of itself; memory in MiB. Source: NVIDIA's data sheets. */
const products: Readonly<Record<AcceleratorClass, { gpuProduct: string; gpuMemory: number }>> = {
  l4: { gpuProduct: "NVIDIA-L4", gpuMemory: 23034 },
  t4: { gpuProduct: "Tesla-T4", gpuMemory: 15360 },
};

const sized = {
  small: resources({ cpu: "10m", memory: "48Mi" }, { cpu: "200m", memory: "128Mi" }),
  production: resources({ cpu: "50m", memory: "96Mi" }, { cpu: "400m", memory: "256Mi" }),
} as const satisfies Record<Size, unknown>;

function present(context: ValuesContext): AcceleratorClass[] {
  const { accelerators } = context.target;
  return (Object.keys(products) as AcceleratorClass[]).filter((name) => accelerators[name].capacity > 0);
}

function values(context: ValuesContext): Record<string, unknown> {
  const component = { resources: sized[context.size], image: { pullPolicy: "IfNotPresent" } };
  return {
    // k3s brings a RuntimeClass of this name.
    runtimeClass: { enabled: false },
    topology: {
      nodePools: {
        // The chart's example pool would stay beside ours.
        default: null,
        ...Object.fromEntries(present(context).map((name) => [name, { ...products[name], gpuCount: 1 }])),
      },
    },
    devicePlugin: component,
    statusUpdater: component,
    topologyServer: component,
    // Invented utilization has no place on a dashboard, and its init container names no resources.
    statusExporter: { enabled: false },
    kwokGpuDevicePlugin: { enabled: false },
    migFaker: { enabled: false },
    builtinProfiles: { enabled: false },
  };
}

/**
 * Simulated GPUs for clusters of containers: nodes labelled `run.ai/simulated-gpu-node-pool=<class>`
 * get one each. They survive a node's restart, because the device plugin registers again.
 *
 * After it, one Job per accelerator class asks for a GPU, so that a stack without schedulable GPUs
 * fails at `up` and not at the first training run.
 */
export const fakeGpu: System = {
  chart: "fake-gpu-operator",
  values,
  after: (context, release) => {
    return present(context).map((name) => {
      const { nodeSelector, tolerations, resourceName } = context.target.accelerators[name];
      const wants = resources({ cpu: "10m", memory: "16Mi" }, { cpu: "100m", memory: "32Mi" });
      const labels = gpuPodLabels("smoke");
      return new k8s.batch.v1.Job(
        `gpu-smoke-${name}`,
        {
          metadata: { name: `gpu-smoke-${name}`, namespace, labels },
          spec: {
            backoffLimit: 3,
            activeDeadlineSeconds: 300,
            template: {
              metadata: { labels },
              spec: {
                restartPolicy: "Never",
                automountServiceAccountToken: false,
                nodeSelector,
                tolerations: [...tolerations],
                securityContext: { ...restrictedPod, runAsUser: 1000 },
                containers: [
                  {
                    name: "smoke",
                    image: "docker.io/library/busybox:1.37.0",
                    command: ["true"],
                    securityContext: { ...restrictedContainer, capabilities: { drop: ["ALL"] } },
                    resources: {
                      requests: { ...wants.requests, [resourceName]: "1" },
                      limits: { ...wants.limits, [resourceName]: "1" },
                    },
                  },
                ],
              },
            },
          },
        },
        objectOptions(context, [release]),
      );
    });
  },
};
