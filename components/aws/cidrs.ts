/** IPv4 networks as numbers, and the plan that cuts a VPC into subnets. Pure. */

/** An IPv4 network: its first address as an unsigned 32-bit number, and its prefix length. */
export interface Network {
  readonly base: number;
  readonly prefix: number;
}

/** A text that is no network, or a network that cannot hold what is asked of it. */
export class CidrError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CidrError";
  }
}

/** Number of addresses in a network. */
export function addressCount({ prefix }: Pick<Network, "prefix">): number {
  return 2 ** (32 - prefix);
}

/**
 * Reads CIDR notation.
 *
 * @throws CidrError when it is malformed or has bits set behind its prefix (`10.0.0.1/16`).
 */
export function parseCidr(text: string): Network {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) throw new CidrError("must be an IPv4 network such as 10.42.0.0/16");
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefix > 32) {
    throw new CidrError("octets go to 255 and prefixes to 32");
  }
  const base = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = addressCount({ prefix });
  if (base % size !== 0) {
    throw new CidrError(
      `starts inside its network; write ${formatCidr({ base: base - (base % size), prefix })}`,
    );
  }
  return { base, prefix };
}

export function formatCidr({ base, prefix }: Network): string {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${octets.join(".")}/${prefix}`;
}

export function overlaps(one: Network, other: Network): boolean {
  return one.base < other.base + addressCount(other) && other.base < one.base + addressCount(one);
}

export function contains(outer: Network, inner: Network): boolean {
  return inner.base >= outer.base && inner.base + addressCount(inner) <= outer.base + addressCount(outer);
}

/** Networks that the internet does not route (RFC 1918), and the shared space of RFC 6598 that EKS allows. */
export const privateRanges: readonly Network[] = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
].map(parseCidr);

/** Services of the cluster get addresses from here; a VPC that overlaps it loses the overlap. */
export const serviceCidr = "172.20.0.0/16";

/** Prefix lengths of a VPC that the plan below can cut up: AWS has no VPC above /16 and no subnet below /28. */
export const vpcPrefixes = { smallest: 20, largest: 16 } as const;
const maximumZones = 3;

/** Subnets of a VPC in CIDR notation, one of each kind a zone. */
export interface SubnetPlan {
  /** NAT gateways and public load balancers. */
  readonly public: readonly string[];
  /** Nodes and pods: every pod takes an address, so these get three quarters of the VPC. */
  readonly private: readonly string[];
  /** The database; no route leads out of them. */
  readonly database: readonly string[];
}

/**
 * Cuts a VPC into subnets for two or three zones.
 *
 * The first three quarters are the private subnets. Of the last quarter, sixteenths are public
 * (a /16 gives /22), and from its middle on sixty-fourths are for databases (/24). A zone that is
 * added later finds its place free.
 *
 * @throws CidrError when the VPC is too small or too large, or the number of zones is not 2 or 3.
 */
export function planSubnets(vpcCidr: string, zones: number): SubnetPlan {
  const vpc = parseCidr(vpcCidr);
  if (vpc.prefix > vpcPrefixes.smallest) {
    throw new CidrError(
      `is too small: subnets for ${maximumZones} zones need a /${vpcPrefixes.smallest} or larger`,
    );
  }
  if (vpc.prefix < vpcPrefixes.largest) {
    throw new CidrError(`is too large: AWS takes no VPC above /${vpcPrefixes.largest}`);
  }
  if (!Number.isInteger(zones) || zones < 2 || zones > maximumZones) {
    throw new CidrError(`cannot be cut for ${zones} zone(s); 2 or ${maximumZones} are possible`);
  }
  const blocks = (start: number, prefix: number): string[] =>
    Array.from({ length: zones }, (_, zone) =>
      formatCidr({ base: start + zone * addressCount({ prefix }), prefix }),
    );
  const quarter = vpc.prefix + 2;
  const lastQuarter = vpc.base + 3 * addressCount({ prefix: quarter });
  return {
    private: blocks(vpc.base, quarter),
    public: blocks(lastQuarter, quarter + 4),
    database: blocks(lastQuarter + addressCount({ prefix: quarter + 1 }), quarter + 6),
  };
}
