/** What a set of NetworkPolicies allows, by the rules of Kubernetes: no cluster is asked. */
import { type NetworkPolicy, namespaceLabel, type PolicyPeer, type PolicyRule } from "./networkPolicies.ts";

/** A pod, or an address outside the cluster's pods. */
export type Endpoint =
  | { readonly namespace: string; readonly labels?: Readonly<Record<string, string>> }
  | { readonly address: string };

/**
 * Whether a connection is allowed: by the egress policies that select the sender and by the ingress
 * policies that select the receiver. A pod that no policy of a direction selects is open in it.
 *
 * IP blocks match outside addresses only, as Kubernetes means them. Plugins that match pods by address
 * too open nothing more here, because every receiver's own policy names namespaces.
 */
export function reachable(
  policies: readonly NetworkPolicy[],
  from: Endpoint,
  to: Endpoint,
  port: number,
  protocol: "TCP" | "UDP" = "TCP",
): boolean {
  return (
    allowed(policies, "Egress", from, to, port, protocol) &&
    allowed(policies, "Ingress", to, from, port, protocol)
  );
}

function allowed(
  policies: readonly NetworkPolicy[],
  direction: "Ingress" | "Egress",
  subject: Endpoint,
  other: Endpoint,
  port: number,
  protocol: string,
): boolean {
  if ("address" in subject) return true;
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === subject.namespace &&
      spec.policyTypes.includes(direction) &&
      selects(spec.podSelector.matchLabels, subject.labels),
  );
  if (selecting.length === 0) return true;
  const rules = selecting.flatMap(({ spec }) => (direction === "Ingress" ? spec.ingress : spec.egress) ?? []);
  return rules.some((rule) => {
    const peers = direction === "Ingress" ? rule.from : rule.to;
    return portMatches(rule, port, protocol) && (peers ?? []).some((peer) => peerMatches(peer, other));
  });
}

function selects(
  wanted: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value);
}

function portMatches(rule: PolicyRule, port: number, protocol: string): boolean {
  return rule.ports === undefined || rule.ports.some((p) => p.port === port && p.protocol === protocol);
}

function peerMatches(peer: PolicyPeer, endpoint: Endpoint): boolean {
  if ("address" in endpoint) {
    const block = peer.ipBlock;
    if (block === undefined || !contains(block.cidr, endpoint.address)) return false;
    return !(block.except ?? []).some((excluded) => contains(excluded, endpoint.address));
  }
  if (peer.ipBlock !== undefined) return false;
  return (
    selects(peer.namespaceSelector?.matchLabels, { [namespaceLabel]: endpoint.namespace }) &&
    selects(peer.podSelector?.matchLabels, endpoint.labels)
  );
}

/** Whether an IPv4 block holds an address. */
function contains(cidr: string, address: string): boolean {
  const [base = "", bits = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  return Math.floor(toNumber(base) / size) === Math.floor(toNumber(address) / size);
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
