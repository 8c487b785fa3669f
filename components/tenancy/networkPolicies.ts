/** From allowed flows to NetworkPolicies: pure objects in Kubernetes' own form. */
import { type Flow, isCidr, type Peer, type PodPeer, type Port } from "./peers.ts";

interface LabelSelector {
  matchLabels?: Record<string, string>;
}

export interface PolicyPeer {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: { cidr: string; except?: string[] };
}

interface PolicyPort {
  port: number;
  protocol: "TCP" | "UDP";
}

export interface PolicyRule {
  from?: PolicyPeer[];
  to?: PolicyPeer[];
  ports?: PolicyPort[];
}

export interface NetworkPolicy {
  metadata: { name: string; namespace: string };
  spec: {
    podSelector: LabelSelector;
    policyTypes: ("Ingress" | "Egress")[];
    ingress?: PolicyRule[];
    egress?: PolicyRule[];
  };
}

/** Label that Kubernetes itself puts on every namespace. */
export const namespaceLabel = "kubernetes.io/metadata.name";

function policyPeer(peer: Peer): PolicyPeer {
  if (isCidr(peer)) {
    return {
      ipBlock: { cidr: peer.cidr, ...(peer.except.length === 0 ? {} : { except: [...peer.except] }) },
    };
  }
  return {
    namespaceSelector: { matchLabels: { [namespaceLabel]: peer.namespace } },
    ...(Object.keys(peer.labels).length === 0 ? {} : { podSelector: { matchLabels: { ...peer.labels } } }),
  };
}

function policyPorts(ports: readonly Port[]): { ports?: PolicyPort[] } {
  return ports.length === 0 ? {} : { ports: ports.map(({ port, protocol }) => ({ port, protocol })) };
}

/** One policy for each set of pods: `default` for all of a namespace, others by what selects them. */
function policyName(labels: PodPeer["labels"]): string {
  const values = Object.values(labels);
  return values.length === 0 ? "default" : values.join("-");
}

interface Draft {
  readonly subject: PodPeer;
  readonly ingress: PolicyRule[];
  readonly egress: PolicyRule[];
}

/**
 * The policies of the owned namespaces. Each namespace gets `default`, which selects all its pods and
 * so denies, in both directions, whatever no flow allows.
 */
export function networkPolicies(owned: readonly string[], flows: readonly Flow[]): NetworkPolicy[] {
  const drafts = new Map<string, Draft>();
  const draft = (subject: PodPeer): Draft => {
    const key = `${subject.namespace}/${policyName(subject.labels)}`;
    const existing = drafts.get(key) ?? { subject, ingress: [], egress: [] };
    drafts.set(key, existing);
    return existing;
  };
  for (const namespace of owned) draft({ namespace, labels: {} });
  for (const { from, to, ports } of flows) {
    if (!isCidr(from) && owned.includes(from.namespace)) {
      draft(from).egress.push({ to: [policyPeer(to)], ...policyPorts(ports) });
    }
    if (!isCidr(to) && owned.includes(to.namespace)) {
      draft(to).ingress.push({ from: [policyPeer(from)], ...policyPorts(ports) });
    }
  }
  return [...drafts.values()].map(finish);
}

function finish({ subject, ingress, egress }: Draft): NetworkPolicy {
  const everyone = Object.keys(subject.labels).length === 0;
  return {
    metadata: { name: policyName(subject.labels), namespace: subject.namespace },
    spec: {
      podSelector: everyone ? {} : { matchLabels: { ...subject.labels } },
      policyTypes: [
        ...(everyone || ingress.length > 0 ? (["Ingress"] as const) : []),
        ...(everyone || egress.length > 0 ? (["Egress"] as const) : []),
      ],
      ...(ingress.length === 0 ? {} : { ingress }),
      ...(egress.length === 0 ? {} : { egress }),
    },
  };
}
