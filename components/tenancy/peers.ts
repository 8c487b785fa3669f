/** Who can talk to whom, as data: the words that the allowed flows are written in. */

export interface PodPeer {
  readonly namespace: string;
  /** Labels that select pods; all of the namespace when empty. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Addresses outside the cluster's pods: the internet, nodes, the API server, managed databases. */
export interface CidrPeer {
  readonly cidr: string;
  readonly except: readonly string[];
}

export type Peer = PodPeer | CidrPeer;

export interface Port {
  readonly port: number;
  readonly protocol: "TCP" | "UDP";
}

/** One permission. Ports are those of the pods, not of Services; none means all of them. */
export interface Flow {
  readonly from: Peer;
  readonly to: Peer;
  readonly ports: readonly Port[];
}

export function isCidr(peer: Peer): peer is CidrPeer {
  return "cidr" in peer;
}

export function pods(namespace: string, labels: Readonly<Record<string, string>> = {}): PodPeer {
  return { namespace, labels };
}

/** A chart's pods by the name label that every chart here sets. */
export function named(namespace: string, name: string): PodPeer {
  return pods(namespace, { "app.kubernetes.io/name": name });
}

/** Everything beyond the pods, except the metadata service, which would hand out a node's credentials. */
export const outside: CidrPeer = { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] };

/** Addresses of one network. */
export function network(cidr: string): CidrPeer {
  return { cidr, except: [] };
}

export function tcp(...ports: readonly number[]): Port[] {
  return ports.map((port) => ({ port, protocol: "TCP" }));
}

export const dnsPorts: readonly Port[] = [
  { port: 53, protocol: "UDP" },
  { port: 53, protocol: "TCP" },
];
