import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { LocalConfig, LocalNode } from "../../config/schema.ts";
import type { AcceleratorClass, ClusterTarget } from "../target.ts";
import { localFacts, localRegistry } from "./facts.ts";
import { K3dCluster } from "./k3d.ts";
import { localTarget } from "./target.ts";

/** What the embedded cluster hands over once it runs: addresses and credentials of its processes. */
export interface EmbeddedCluster {
  /** Stays the same over restarts, so that the provider knows the cluster again. */
  readonly id: string;
  readonly kubeconfig: string;
  readonly minio: { readonly accessKey: string; readonly secretKey: string };
  /** URLs of the processes beside it, by service name. */
  readonly processes: Readonly<Record<string, string>>;
}

/** A cluster that was there before. */
export interface ExistingCluster {
  /** The kubeconfig's text. */
  readonly kubeconfig: string;
  /** How a person calls kubectl for it. */
  readonly kubectl: string;
}

/** What only the disk knows of the cluster that the configuration chose. */
export type FoundCluster =
  | { readonly kind: "embedded"; readonly embedded: EmbeddedCluster }
  | ({ readonly kind: "existing" } & ExistingCluster)
  | { readonly kind: "k3d"; readonly dataDir: string };

/** The local cluster that the configuration chose, as the platform sees it. */
export function createLocalCluster(config: LocalConfig, found: FoundCluster): ClusterTarget {
  switch (found.kind) {
    case "embedded":
      return embedded(config, found.embedded);
    case "existing":
      return existing(config, found);
    case "k3d":
      return k3d(config, found.dataDir);
  }
}

/** GPUs of each class on the configured nodes. */
function gpusOf(nodes: readonly LocalNode[]): Record<AcceleratorClass, number> {
  const count = (accelerator: AcceleratorClass): number =>
    nodes.filter((n) => n.accelerator === accelerator).reduce((sum, n) => sum + n.gpus, 0);
  return { l4: count("l4"), t4: count("t4") };
}

function generatedKeys(): { accessKeyId: string; secretAccessKey: pulumi.Output<string> } {
  const password = new random.RandomPassword("object-store-key", { length: 40, special: false });
  return { accessKeyId: "mlops", secretAccessKey: password.result };
}

function embedded(config: LocalConfig, cluster: EmbeddedCluster): ClusterTarget {
  return localTarget("embedded", {
    facts: localFacts({
      cluster: "embedded",
      keys: {
        accessKeyId: cluster.minio.accessKey,
        secretAccessKey: pulumi.secret(cluster.minio.secretKey),
      },
      gpus: gpusOf(config.nodes),
      imageRegistry: localRegistry,
    }),
    kubeconfig: cluster.kubeconfig,
    clusterIdentifier: cluster.id,
    processes: cluster.processes,
  });
}

function existing(config: LocalConfig, { kubeconfig, kubectl }: ExistingCluster): ClusterTarget {
  const context = config.context ?? "";
  return localTarget("existing", {
    facts: localFacts({
      cluster: "existing",
      keys: generatedKeys(),
      gpus: gpusOf(config.nodes),
      imageRegistry: config.imageRegistry ?? "docker.io/library",
    }),
    kubeconfig,
    context,
    kubectl,
    clusterIdentifier: context,
  });
}

function k3d(config: LocalConfig, dataDir: string): ClusterTarget {
  // Two clones on one machine must not fight over one cluster name.
  const suffix = new random.RandomId("k3d-suffix", { byteLength: 2 });
  const clusterName = pulumi.interpolate`mlops-${suffix.hex}`;
  const cluster = new K3dCluster("k3d", {
    clusterName,
    nodes: config.nodes,
    ingressPort: config.ingressPort,
    registryPort: config.registryPort,
    dataDir,
  });
  return localTarget("k3d", {
    facts: localFacts({
      cluster: "k3d",
      keys: generatedKeys(),
      gpus: gpusOf(config.nodes),
      imageRegistry: localRegistry,
      ingress: { className: "traefik", hostSuffix: "localhost" },
    }),
    kubeconfig: cluster.kubeconfig,
    clusterIdentifier: clusterName,
    ingressPort: config.ingressPort,
    cluster: cluster.cluster,
  });
}
