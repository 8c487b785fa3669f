/**
 * ClusterTarget: all that the platform may know about where it runs. `components/local` and
 * `components/aws` deliver it; nothing in `components/platform` asks which of them did.
 */
import type * as k8s from "@pulumi/kubernetes";
import type { Input, Output, Resource } from "@pulumi/pulumi";
import type { ChartName } from "../charts.ts";

/** How much every system asks for: `small` fits a laptop, `production` a cluster with load. */
export type Size = "small" | "production";
export const sizes = ["small", "production"] as const satisfies readonly Size[];

/** The three buckets by their logical names; values are the real names (AWS adds a unique suffix). */
export interface Buckets {
  readonly mlflowArtifacts: Input<string>;
  readonly modelRegistry: Input<string>;
  readonly datasets: Input<string>;
}

/** The object store that the target brings along, and how pods reach it. */
export interface ObjectStore {
  /** S3 endpoint inside the cluster, e.g. `http://minio.minio.svc:9000`; absent for AWS S3 itself. */
  readonly endpoint?: string;
  readonly region: string;
  readonly buckets: Buckets;
  /** A static key pair that each namespace gets as a Secret, or none where IRSA serves. */
  readonly keys?: { readonly accessKeyId: Input<string>; readonly secretAccessKey: Input<string> };
}

/** Where MLflow keeps runs and the model registry. */
export type MlflowDatabase =
  | { readonly kind: "sqlite" }
  | {
      readonly kind: "postgres";
      readonly host: Input<string>;
      readonly port: Input<number>;
      readonly name: string;
      /** Secret in MLflow's namespace with keys `username` and `password`. */
      readonly existingSecret: string;
    };

/** The accelerator classes that scheduling rules know: L4 serves LLMs, T4 serves and trains the rest. */
export type AcceleratorClass = "l4" | "t4";

/** How a pod gets onto nodes of one accelerator class. */
export interface Accelerator {
  readonly resourceName: "nvidia.com/gpu";
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tolerations: readonly Toleration[];
  /** GPUs that can exist at most; 0 when the target has none of this class. */
  readonly capacity: number;
}

/** All GPUs that can exist at most, of whatever class. */
export function gpuCapacity({ accelerators }: Pick<ClusterTarget, "accelerators">): number {
  return Object.values(accelerators).reduce((sum, { capacity }) => sum + capacity, 0);
}

export interface Toleration {
  readonly key: string;
  readonly operator: "Exists" | "Equal";
  readonly value?: string;
  readonly effect: "NoSchedule" | "NoExecute";
}

/** What a workload may do with one bucket. */
export interface Grant {
  readonly bucket: keyof Buckets;
  readonly access: "read" | "readWrite";
}

/** What a service account needs to carry so that its pods can use what was granted. */
export interface WorkloadIdentity {
  /** Annotations for the service account (IRSA role); empty where keys come from a Secret. */
  readonly annotations: Readonly<Record<string, Input<string>>>;
  /**
   * Secret in the workload's namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; absent
   * where the pod gets short-lived credentials by its service account.
   */
  readonly secretName?: string;
}

/** A dashboard or API of the platform, by its in-cluster address. */
export interface PlatformService {
  readonly name: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

/** How a person reaches a service: a URL that answers, or a command that makes one. */
export type ServiceUrl = { readonly url: Input<string> } | { readonly portForward: Input<string> };

/** What decides which charts are installed, and how. */
export interface ClusterTraits {
  /** Whether pods really run; false where nodes are simulated. */
  readonly runsPods: boolean;
  /** GPUs come from a simulated device plugin that the platform has to install. */
  readonly fakeGpus: boolean;
  /** The platform installs the object store itself. */
  readonly selfHostsObjectStore: boolean;
  /** Charts that only this kind of cluster needs, besides the platform's own. */
  readonly ownCharts: readonly ChartName[];
}

/** How dashboards are exposed. */
export interface ClusterIngress {
  readonly className: string;
  /** A service's host is `<service>.<hostSuffix>`. */
  readonly hostSuffix: string;
  /** What every Ingress carries. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Networks (CIDR) from which what is no pod connects to pods. */
export interface OutsideNetworks {
  /** The API server, which calls admission webhooks. */
  readonly controlPlane: readonly string[];
  /** Load balancers that send requests to pods without a controller's pod between. */
  readonly loadBalancers: readonly string[];
}

/** The plain-data part of a target: all that values functions need, so they run without an engine. */
export interface TargetFacts extends ClusterTraits {
  /** Word for messages and outputs: `embedded`, `k3d`, `existing`, `eks`. */
  readonly name: string;
  readonly objectStore: ObjectStore;
  readonly database: MlflowDatabase;
  /** Registry (and path) that our own images are pulled from. */
  readonly imageRegistry: Input<string>;
  /** StorageClass for volumes; absent uses the cluster's default. */
  readonly storageClass?: string;
  readonly accelerators: Readonly<Record<AcceleratorClass, Accelerator>>;
  /** Absent when nothing is exposed. */
  readonly ingress?: ClusterIngress;
  /** Absent where nobody outside the pods has to be let in. */
  readonly networks?: OutsideNetworks;
  /** Values overlays by chart: what this kind of cluster must have different. */
  readonly overlays: Readonly<Record<string, Values>>;
  workloadIdentity(namespace: string, name: string, grants: readonly Grant[]): WorkloadIdentity;
}

export interface ClusterTarget extends TargetFacts {
  readonly provider: k8s.Provider;
  /** Secret: it holds the credentials of an administrator. */
  readonly kubeconfig: Output<string>;
  /** Context of the kubeconfig; absent means its current one. */
  readonly kubeContext?: string;
  /** URLs of what runs as processes beside a cluster whose pods do not run, by service name. */
  readonly processes?: Readonly<Record<string, string>>;
  /** How a person reaches a service, or undefined when it does not answer here. */
  url(service: PlatformService): ServiceUrl | undefined;
  /** The resource whose deletion takes the whole cluster with it (local only). */
  readonly deletedWith?: Resource;
  /** What every resource in the cluster must wait for (node groups, load balancer controller). */
  readonly dependsOn: readonly Resource[];
}

/** Helm values; leaves may be Inputs. */
export type Values = { readonly [key: string]: unknown };
