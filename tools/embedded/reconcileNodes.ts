import type { ApiClient } from "./apiClient.ts";
import type { NodeDescription } from "./nodeDescription.ts";
import {
  expandNodes,
  managedNodeLabel,
  mergeTaints,
  type NodeManifest,
  nodeManifest,
  simulatedNodeLabel,
  type Taint,
} from "./nodes.ts";

interface LiveNode {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly taints?: readonly Taint[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const NODES = "/api/v1/nodes";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/**
 * Makes the cluster's managed nodes those of the description: adds, changes and removes. Nodes that joined
 * by themselves are left alone.
 */
export async function reconcileNodes(
  api: ApiClient,
  description: NodeDescription,
  kubeletPort: number,
): Promise<void> {
  const live = await managedNodes(api);
  const described = expandNodes(description);
  for (const [index, node] of described.entries()) {
    const manifest = nodeManifest(node, index, kubeletPort);
    await applyNode(
      api,
      manifest,
      live.find(({ metadata }) => metadata.name === node.name),
    );
  }
  const names = new Set(described.map((node) => node.name));
  for (const { metadata } of live) {
    if (!names.has(metadata.name)) await api.delete({ collection: NODES, name: metadata.name });
  }
}

async function applyNode(api: ApiClient, manifest: NodeManifest, live: LiveNode | undefined): Promise<void> {
  const { apiVersion, kind, metadata, spec, status } = manifest;
  const ref = { collection: NODES, name: metadata.name };
  const taints = mergeTaints(spec.taints, live?.spec?.taints ?? []);
  if (live === undefined) {
    // KWOK takes a node up as soon as it has the label, and gives one without capacity a thousand CPUs.
    const { [simulatedNodeLabel.key]: _, ...labels } = metadata.labels;
    await api.apply(ref, { apiVersion, kind, metadata: { ...metadata, labels }, spec: { taints } });
  }
  await api.apply(ref, { apiVersion, kind, metadata: { name: metadata.name }, status }, "status");
  await api.apply(ref, { apiVersion, kind, metadata, spec: { taints } });
}

/**
 * Releases the simulated nodes' leases. A new KWOK process would otherwise wait up to 40 s until those of
 * the one before it expire, and meanwhile start no pod.
 */
export async function releaseLeases(api: ApiClient): Promise<void> {
  for (const { metadata } of await managedNodes(api)) {
    await api.delete({ collection: LEASES, name: metadata.name });
  }
}

/** Names of managed nodes that KWOK does not keep alive yet, or that are not Ready. */
export async function unreadyNodes(api: ApiClient): Promise<string[]> {
  const leases = await api.get<{ items: { metadata: { name: string } }[] }>(LEASES);
  const held = new Set(leases?.items.map((lease) => lease.metadata.name));
  return (await managedNodes(api))
    .filter((node) => !(held.has(node.metadata.name) && isReady(node)))
    .map((node) => node.metadata.name);
}

function isReady(node: LiveNode): boolean {
  const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
  const started = !(node.spec?.taints ?? []).some((taint) => taint.key === "node.kubernetes.io/not-ready");
  return ready?.status === "True" && started;
}

async function managedNodes(api: ApiClient): Promise<readonly LiveNode[]> {
  const selector = encodeURIComponent(`${managedNodeLabel.key}=${managedNodeLabel.value}`);
  return (await api.get<{ items: LiveNode[] }>(`${NODES}?labelSelector=${selector}`))?.items ?? [];
}
