import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import type { LocalNode } from "../../config/schema.ts";
import { acceleratorLabel, localRegistry } from "./facts.ts";

export interface K3dArgs {
  readonly clusterName: pulumi.Input<string>;
  readonly nodes: readonly LocalNode[];
  /** Loopback port of the host on which every dashboard's Ingress answers. */
  readonly ingressPort: number;
  /** Loopback port of the host for the image registry. */
  readonly registryPort: number;
  /** Folder of the host with `data`, `models` and `experiments`, mounted into every node. */
  readonly dataDir: string;
}

/** k3s release that nodes run; a minor version that upstream Kubernetes still supports. */
export const k3sImage = "docker.io/rancher/k3s:v1.35.4-k3s1";

/**
 * The k3d configuration file (k3d.io/v1alpha5, kind Simple) for a cluster of the given shape.
 *
 * @see https://k3d.io/stable/usage/configfile/
 */
export function k3dConfig(args: Omit<K3dArgs, "clusterName"> & { readonly clusterName: string }): string {
  const servers = args.nodes.filter((node) => node.role === "server");
  const agents = args.nodes.filter((node) => node.role === "agent");
  const nodeFilter = (node: LocalNode): string =>
    node.role === "server" ? `server:${servers.indexOf(node)}` : `agent:${agents.indexOf(node)}`;
  return stringify({
    apiVersion: "k3d.io/v1alpha5",
    kind: "Simple",
    metadata: { name: args.clusterName },
    servers: servers.length,
    agents: agents.length,
    image: k3sImage,
    // Loopback only: the API of a laptop's cluster is nobody else's business.
    kubeAPI: { hostIP: "127.0.0.1" },
    ports: [{ port: `127.0.0.1:${args.ingressPort}:80`, nodeFilters: ["loadbalancer"] }],
    registries: {
      create: {
        name: registryName(args.clusterName),
        host: "127.0.0.1",
        hostPort: String(args.registryPort),
      },
      // Images go by one name on every machine; the registry's own name has the cluster's random suffix.
      config: stringify({
        mirrors: { [localRegistry]: { endpoint: [`http://${registryName(args.clusterName)}:5000`] } },
      }),
    },
    volumes: ["data", "models", "experiments"].map((folder) => ({
      volume: `${args.dataDir}/${folder}:/${folder}`,
      nodeFilters: ["all"],
    })),
    options: {
      k3d: { wait: true, timeout: "300s" },
      k3s: {
        nodeLabels: args.nodes.flatMap((node) =>
          Object.entries(nodeLabels(node)).map(([key, value]) => ({
            label: `${key}=${value}`,
            nodeFilters: [nodeFilter(node)],
          })),
        ),
      },
      // The kubeconfig is a secret output of the stack; the user's own stays untouched.
      kubeconfig: { updateDefaultKubeconfig: false, switchCurrentContext: false },
    },
  });
}

/** Labels of a node: those configured, its accelerator class and its simulated GPU pool. */
export function nodeLabels(node: LocalNode): Readonly<Record<string, string>> {
  return {
    ...node.labels,
    ...(node.accelerator === undefined
      ? {}
      : { [acceleratorLabel]: node.accelerator, "run.ai/simulated-gpu-node-pool": node.accelerator }),
  };
}

/** Name of the registry as nodes reach it, always on port 5000 inside Docker's network. */
export function registryName(clusterName: string): string {
  return `${clusterName}-registry.localhost`;
}

/**
 * A k3d cluster with its registry, created and deleted by k3d itself.
 *
 * A failed creation is taken back, so that the next `up` starts from nothing.
 */
export class K3dCluster extends pulumi.ComponentResource {
  readonly kubeconfig: pulumi.Output<string>;
  readonly cluster: command.local.Command;

  constructor(name: string, args: K3dArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:local:K3dCluster", name, {}, opts);
    const clusterName = pulumi.output(args.clusterName);
    const config = clusterName.apply((resolved) => k3dConfig({ ...args, clusterName: resolved }));
    this.cluster = new command.local.Command(
      `${name}-cluster`,
      {
        // k3d takes a file only, hence the temporary one.
        create: [
          "set -eu",
          'mkdir -p "$DATA_DIR/data" "$DATA_DIR/models" "$DATA_DIR/experiments"',
          "file=$(mktemp); trap 'rm -f \"$file\"' EXIT",
          'printf "%s" "$K3D_CONFIG" >"$file"',
          'k3d cluster create --config "$file" >&2 || { k3d cluster delete "$CLUSTER_NAME" >&2; exit 1; }',
          'k3d kubeconfig get "$CLUSTER_NAME"',
        ].join("\n"),
        delete: 'k3d cluster delete "$CLUSTER_NAME"',
        environment: { K3D_CONFIG: config, CLUSTER_NAME: clusterName, DATA_DIR: args.dataDir },
        triggers: [config],
        logging: "stderr",
      },
      { parent: this, additionalSecretOutputs: ["stdout"], deleteBeforeReplace: true },
    );
    this.kubeconfig = pulumi.secret(this.cluster.stdout);
    this.registerOutputs({ kubeconfig: this.kubeconfig });
  }
}
