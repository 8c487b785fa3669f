/** The parts of Kubernetes objects that a rehearsal reads. */
import { parseQuantity } from "../charts/requested.ts";

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
}

export interface Pod {
  readonly metadata: Metadata;
  readonly spec: {
    readonly nodeName?: string;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: readonly { readonly key?: string; readonly operator?: string }[];
    readonly containers: readonly {
      readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
    }[];
    readonly affinity?: {
      readonly nodeAffinity?: {
        readonly requiredDuringSchedulingIgnoredDuringExecution?: {
          readonly nodeSelectorTerms: readonly {
            readonly matchExpressions?: readonly {
              readonly key: string;
              readonly operator: string;
              readonly values?: readonly string[];
            }[];
          }[];
        };
      };
    };
  };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export interface Node {
  readonly metadata: Metadata;
  readonly status: { readonly allocatable: Readonly<Record<string, string>> };
}

/** A workload that has no pod yet. */
export interface Sleeper {
  /** `namespace/name`. */
  readonly address: string;
  /** One of its pods, as it would be. */
  readonly pod: Pod;
}

export interface List<T> {
  readonly items: readonly T[];
}

/** What a pod asks for of one resource, over all its containers; in cores, bytes or pieces. */
export function requestOf(pod: Pod, resource: string): number {
  const asked = pod.spec.containers.map(({ resources }) => resources?.requests?.[resource] ?? "0");
  return asked.map(parseQuantity).reduce((sum, one) => sum + one, 0);
}

/** Why the scheduler finds no node for a pod; undefined for one that has a node or is not looked at yet. */
export function unschedulable(pod: Pod): string | undefined {
  const scheduled = pod.status.conditions?.find(({ type }) => type === "PodScheduled");
  return scheduled?.reason === "Unschedulable" ? (scheduled.message ?? "no reason given") : undefined;
}

/** `namespace/name`. */
export function addressOf({ metadata }: Pick<Pod, "metadata">): string {
  return `${metadata.namespace}/${metadata.name}`;
}
