import { type NodeDescription, type NodeGroup, nodeNames } from "./nodeDescription.ts";

/** Marks the nodes that this tool made, so that it never touches one that joined by itself. */
export const managedNodeLabel = { key: "app.kubernetes.io/managed-by", value: "mlops-embedded" } as const;

/** KWOK plays the kubelet of nodes with this label, and of no others. */
export const simulatedNodeLabel = { key: "kwok.x-k8s.io/node", value: "fake" } as const;

export interface Taint {
  readonly key: string;
  readonly value?: string | undefined;
  readonly effect: string;
}

/** The parts of a Node object that this tool sets. */
export interface NodeManifest {
  readonly apiVersion: "v1";
  readonly kind: "Node";
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly taints: readonly Taint[] };
  readonly status: {
    readonly capacity: Readonly<Record<string, string>>;
    readonly allocatable: Readonly<Record<string, string>>;
    readonly addresses: readonly { readonly type: string; readonly address: string }[];
    readonly daemonEndpoints: { readonly kubeletEndpoint: { readonly Port: number } };
    readonly nodeInfo: { readonly architecture: string };
  };
}

/** A node and the group of the description that it belongs to. */
export interface DescribedNode {
  readonly name: string;
  readonly group: NodeGroup;
  readonly labels: Readonly<Record<string, string>>;
}

/** The nodes of a description one by one, in its order. */
export function expandNodes(description: NodeDescription): DescribedNode[] {
  return description.flatMap((group) =>
    nodeNames(group).map((name) => ({ name, group, labels: nodeLabels(name, group) })),
  );
}

function nodeLabels(name: string, group: NodeGroup): Record<string, string> {
  return {
    ...group.labels,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": group.arch,
    "kubernetes.io/hostname": name,
    ...(group.instanceType === undefined ? {} : { "node.kubernetes.io/instance-type": group.instanceType }),
    [managedNodeLabel.key]: managedNodeLabel.value,
    [simulatedNodeLabel.key]: simulatedNodeLabel.value,
  };
}

/**
 * The Node object of a simulated node.
 *
 * @param index Place among all nodes, which gives the node its address.
 * @param kubeletPort Loopback port on which KWOK answers as the node's kubelet.
 */
export function nodeManifest(node: DescribedNode, index: number, kubeletPort: number): NodeManifest {
  const { group, name, labels } = node;
  const resources = {
    cpu: group.cpu,
    memory: group.memory,
    pods: String(group.pods),
    "ephemeral-storage": group.storage,
    ...(group.gpus === 0 ? {} : { "nvidia.com/gpu": String(group.gpus) }),
  };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    spec: { taints: group.taints },
    status: {
      capacity: resources,
      allocatable: resources,
      addresses: [
        { type: "InternalIP", address: simulatedAddress(index) },
        // The API server asks the kubelet for logs at this name; see kubelet-preferred-address-types.
        { type: "InternalDNS", address: "localhost" },
        { type: "Hostname", address: name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      nodeInfo: { architecture: group.arch },
    },
  };
}

/**
 * An address of the block that RFC 2544 reserves for benchmarks: nothing answers there, and unlike a
 * loopback address it may stand in an EndpointSlice (pods on the host network have their node's address).
 */
function simulatedAddress(index: number): string {
  const host = index + 1;
  return `198.18.${Math.floor(host / 256)}.${host % 256}`;
}

/**
 * Taints that a node shall have: those described, and those that Kubernetes itself keeps on it (not ready,
 * unschedulable), which are not ours to remove.
 */
export function mergeTaints(described: readonly Taint[], live: readonly Taint[]): Taint[] {
  return [...described, ...live.filter((taint) => taint.key.startsWith("node.kubernetes.io/"))];
}
