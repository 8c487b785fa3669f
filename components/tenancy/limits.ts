/** What keeps a tenant in its bounds, as pure objects in Kubernetes' own form. */
import { charts } from "../../charts.ts";
import { parseQuantity } from "../../policy/rules/quantity.ts";
import { pipelinesNamespace } from "./names.ts";

/** A team: a namespace with a share of the cluster. */
export interface Team {
  /** Its name and its namespace's. */
  readonly name: string;
  /** Whole GPUs, over all accelerator classes. */
  readonly gpus: number;
  /** Kubernetes quantities. */
  readonly cpu: string;
  readonly memory: string;
}

export type PodSecurityLevel = "privileged" | "baseline" | "restricted";

/**
 * Pod Security level that each namespace enforces: the strictest that lets its charts run.
 *
 * `privileged` only where pods use the node itself: the node exporter reads its file system, and a
 * (simulated) GPU device plugin writes the kubelet's plugin folder. Teams bring images of their own,
 * many of which run as root.
 */
export function podSecurityLevel(namespace: string, teams: readonly string[]): PodSecurityLevel {
  const node = [charts["kube-prometheus-stack"].namespace, charts["fake-gpu-operator"].namespace];
  if (node.includes(namespace)) return "privileged";
  return teams.includes(namespace) ? "baseline" : "restricted";
}

/** Labels of a namespace; warnings name what the strictest level would refuse. */
export function namespaceLabels(namespace: string, teams: readonly string[]): Record<string, string> {
  return {
    "app.kubernetes.io/part-of": "mlops-platform",
    ...(teams.includes(namespace) ? { "mlops.dev/team": namespace } : {}),
    "pod-security.kubernetes.io/enforce": podSecurityLevel(namespace, teams),
    "pod-security.kubernetes.io/audit": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
  };
}

/**
 * A team's share. CPU may be used beyond it when it is idle, memory and GPUs may not.
 */
export function quotaSpec(team: Team): { hard: Record<string, string> } {
  return {
    hard: {
      "requests.cpu": team.cpu,
      "requests.memory": team.memory,
      "limits.memory": team.memory,
      // Extended resources cannot be overcommitted, so Kubernetes counts their requests only.
      "requests.nvidia.com/gpu": String(team.gpus),
      pods: "100",
      persistentvolumeclaims: "20",
      "services.loadbalancers": "0",
      "services.nodeports": "0",
    },
  };
}

export interface ContainerLimits {
  type: "Container";
  default: { cpu: string; memory: string };
  defaultRequest: { cpu: string; memory: string };
  max?: { cpu: string; memory: string };
}

/**
 * What a container gets that names nothing, and the most it may name. GPUs are left out on purpose: a
 * `max` without a `default` becomes the default, and every container would ask for a GPU.
 */
export function limitRangeSpec(team: Team | undefined): { limits: ContainerLimits[] } {
  const limits: ContainerLimits = {
    type: "Container",
    default: { cpu: "1", memory: "1Gi" },
    defaultRequest: { cpu: "100m", memory: "128Mi" },
  };
  if (team === undefined) return { limits: [limits] };
  const most = { cpu: team.cpu, memory: team.memory };
  // Kubernetes refuses defaults that are above the most, which a small team's share may be below.
  return {
    limits: [
      {
        ...limits,
        default: { cpu: team.cpu, memory: smaller(limits.default.memory, most.memory) },
        defaultRequest: {
          cpu: smaller(limits.defaultRequest.cpu, most.cpu),
          memory: smaller(limits.defaultRequest.memory, most.memory),
        },
        max: most,
      },
    ],
  };
}

/** The smaller of two Kubernetes quantities, as it is written. */
function smaller(quantity: string, most: string): string {
  return (parseQuantity(quantity) ?? 0) <= (parseQuantity(most) ?? 0) ? quantity : most;
}

/** Whether pods in this namespace come from users and workflows, and not from a chart. */
export function runsWorkflows(namespace: string, teams: readonly string[]): boolean {
  return namespace === pipelinesNamespace || teams.includes(namespace);
}
