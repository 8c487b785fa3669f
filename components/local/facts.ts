import type { Input } from "@pulumi/pulumi";
import type {
  Accelerator,
  AcceleratorClass,
  ClusterIngress,
  ClusterTraits,
  TargetFacts,
  Values,
} from "../target.ts";

/** Kinds of local cluster. */
export const clusterKinds = ["embedded", "k3d", "existing"] as const;
export type ClusterKind = (typeof clusterKinds)[number];

export interface LocalFactsArgs {
  readonly cluster: ClusterKind;
  /** Keys of the object store's administrator. */
  readonly keys: { readonly accessKeyId: Input<string>; readonly secretAccessKey: Input<string> };
  /** GPUs of each class that the cluster's nodes declare. */
  readonly gpus: Readonly<Record<AcceleratorClass, number>>;
  /** Registry for our own images, as nodes pull from it. */
  readonly imageRegistry: Input<string>;
  /** Ingress class and host suffix; absent when the cluster has no ingress controller. */
  readonly ingress?: ClusterIngress;
  readonly storageClass?: string;
}

/** What follows from the kind of cluster alone, before there is any resource. */
export function localTraits(cluster: ClusterKind): ClusterTraits {
  return {
    runsPods: cluster !== "embedded",
    fakeGpus: cluster === "k3d",
    selfHostsObjectStore: true,
    ownCharts: [],
  };
}

/** Registry of our own images as nodes know it; on k3d a mirror of the registry that k3d made. */
export const localRegistry = "registry.localhost:5000";

/** Secret in each namespace that holds the object store's keys under their AWS names. */
export const objectStoreSecret = "object-store";

/** The label that says which accelerator class a node carries. */
export const acceleratorLabel = "mlops.dev/accelerator";

function accelerator(name: AcceleratorClass, capacity: number): Accelerator {
  return {
    resourceName: "nvidia.com/gpu",
    nodeSelector: { [acceleratorLabel]: name },
    // A laptop has too few nodes to keep any for GPU pods only, so GPU nodes carry no taint; the
    // toleration still stands so that one manifest fits every cluster.
    tolerations: [{ key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" }],
    capacity,
  };
}

/** k3s runs every control plane part in one process, and its nodes are containers themselves. */
const k3dOverlays: Readonly<Record<string, Values>> = {
  "kube-prometheus-stack": { "prometheus-node-exporter": { hostRootFsMount: { enabled: false } } },
};

/**
 * All that is known of a local cluster without any engine.
 *
 * The object store is the one that the platform installs; its in-cluster address is the same on
 * every local cluster.
 */
export function localFacts(args: LocalFactsArgs): TargetFacts {
  const traits = localTraits(args.cluster);
  return {
    name: args.cluster,
    objectStore: {
      endpoint: "http://minio.minio.svc.cluster.local:9000",
      region: "us-east-1",
      buckets: {
        mlflowArtifacts: "mlflow-artifacts",
        modelRegistry: "model-registry",
        datasets: "datasets",
      },
      keys: args.keys,
    },
    database: { kind: "sqlite" },
    imageRegistry: args.imageRegistry,
    ...(args.storageClass === undefined ? {} : { storageClass: args.storageClass }),
    accelerators: { l4: accelerator("l4", args.gpus.l4), t4: accelerator("t4", args.gpus.t4) },
    ...(args.ingress === undefined ? {} : { ingress: args.ingress }),
    overlays: args.cluster === "k3d" ? k3dOverlays : {},
    ...traits,
    workloadIdentity: () => ({ annotations: {}, secretName: objectStoreSecret }),
  };
}
