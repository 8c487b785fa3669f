/** AWS regions that the stack knows: their zones, and which GPU instances they have. */
import type { AcceleratorClass } from "../target.ts";

export interface Region {
  /**
   * Zones that a VPC gets unless configured otherwise. Written down instead of asked for, because a
   * zone that AWS adds must not move the subnets of a stack that stands.
   */
  readonly zones: readonly string[];
  readonly accelerators: readonly AcceleratorClass[];
}

const both: readonly AcceleratorClass[] = ["l4", "t4"];

function region(name: string, accelerators: readonly AcceleratorClass[], letters = "abc"): [string, Region] {
  return [name, { zones: [...letters].map((letter) => `${name}${letter}`), accelerators }];
}

/**
 * Commercial regions by name. G6 carries the L4, G4dn the T4.
 *
 * Source: EC2 instance type offerings as catalogued by SkyPilot (2026). Zone names are an account's
 * own (two accounts' `us-east-1a` differ), so a zone may lack an instance type that its region has:
 * `make doctor STACK=aws` asks, and `nodeGroups.*.zones` narrows a group down.
 */
export const regions: Readonly<Record<string, Region>> = Object.fromEntries([
  region("us-east-1", both),
  region("us-east-2", both),
  region("us-west-2", both),
  region("ca-central-1", both, "abd"),
  region("eu-central-1", both),
  region("eu-north-1", both),
  region("eu-west-2", both),
  region("eu-west-3", both),
  region("ap-northeast-1", both, "acd"),
  region("ap-northeast-2", both),
  region("ap-south-1", both),
  region("ap-southeast-2", both),
  region("eu-south-2", ["l4"]),
  region("me-central-1", ["l4"]),
  region("us-west-1", ["t4"], "ac"),
  region("af-south-1", ["t4"]),
  region("ap-east-1", ["t4"]),
  region("ap-northeast-3", ["t4"]),
  region("ap-southeast-1", ["t4"]),
  region("eu-south-1", ["t4"]),
  region("eu-west-1", ["t4"]),
  region("me-south-1", ["t4"]),
  region("sa-east-1", ["t4"]),
  region("eu-central-2", []),
]);

/**
 * Ids of zones in which EKS puts no control plane, so that a cluster with a subnet there is refused. Ids, because
 * a zone's name is another one in another account.
 *
 * @see https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
 */
export const zonesWithoutEks: readonly string[] = ["use1-az3", "usw1-az2", "cac1-az3"];

/**
 * Zones of a stack: those configured, else its region's.
 *
 * @throws Error for a region that is not in the table; config/awsCombinations.ts says so first.
 */
export function zonesOf(settings: {
  readonly region: string;
  readonly zones?: readonly string[] | undefined;
}): readonly string[] {
  if (settings.zones !== undefined) return settings.zones;
  const known = regions[settings.region];
  if (known === undefined) throw new Error(`region ${settings.region} is not in components/aws/regions.ts`);
  return known.zones;
}
