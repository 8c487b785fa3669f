/** What a configuration costs an hour, before anything is made. Pure. */
import type { AwsSettings, GpuNodesSettings } from "../../config/awsSchema.ts";
import type { Size } from "../target.ts";
import { instanceType } from "./instanceTypes.ts";
import {
  databaseClasses,
  hourly,
  hoursPerMonth,
  perGb,
  perGbMonth,
  perMonth,
  pricesDate,
  pricesRegion,
} from "./prices.ts";
import { zonesOf } from "./regions.ts";

/** One line of the estimate. */
export interface CostItem {
  readonly item: string;
  /** What is counted, with its unit. */
  readonly quantity: string;
  /** USD an hour. */
  readonly hourlyUsd: number;
}

/** An estimate at list prices, in USD. */
export interface CostEstimate {
  /** Region whose prices these are, which need not be the stack's. */
  readonly pricesOf: string;
  /** Day of the prices. */
  readonly pricesDate: string;
  /** An hour in which no GPU node runs. */
  readonly idle: number;
  /** An hour with one L4 node, one T4 node; absent where the stack has no such group. Spot costs less. */
  readonly withOneL4?: number;
  readonly withOneT4?: number;
  /** A month of idle hours. */
  readonly idleMonth: number;
  /** Where the idle hour's money goes. */
  readonly items: readonly CostItem[];
}

/**
 * How much an idle platform moves and keeps; what the bill depends on and no configuration says.
 * Assumptions, to be compared with the first month's bill.
 */
export const assumptions = {
  /** Control plane logs of all five types, GB a day. */
  logsGbPerDay: 1,
  /** CloudWatch bills stored logs compressed. */
  logCompression: 0.15,
  natGbPerHour: 0.05,
  betweenZonesGbPerHour: 0.1,
  /** Volumes of the platform's own pods (metrics above all), GiB. */
  volumesGiB: { small: 10, production: 160 } as const satisfies Record<Size, number>,
  bucketsGiB: 50,
  imagesGiB: 10,
  /** Requests of a few people looking at dashboards. */
  loadBalancerCapacityUnits: 0.1,
  /** EKS secrets; everything else. */
  kmsKeys: 2,
  /** The database's administrator and MLflow. */
  secrets: 2,
} as const;

const overMonth = (usd: number): number => usd / hoursPerMonth;

function compute(settings: AwsSettings, size: Size, systemNodes: number): CostItem[] {
  const { system } = settings.nodeGroups;
  const [type = ""] = system.instanceTypes;
  const rootGiB = systemNodes * system.diskGiB;
  const volumesGiB = assumptions.volumesGiB[size];
  return [
    { item: "EKS control plane", quantity: "1 cluster", hourlyUsd: hourly.eksControlPlane },
    {
      item: "System nodes",
      quantity: `${systemNodes} x ${type}, on demand`,
      hourlyUsd: systemNodes * instanceType(type).hourlyUsd,
    },
    {
      item: "EBS gp3",
      quantity: `${rootGiB} GiB of nodes, ${volumesGiB} GiB of pods`,
      hourlyUsd: overMonth((rootGiB + volumesGiB) * perGbMonth.ebsGp3),
    },
  ];
}

function network(settings: AwsSettings): CostItem[] {
  const zones = zonesOf(settings).length;
  const gateways = settings.network.natGateways === "single" ? 1 : zones;
  const endpoints = settings.network.interfaceEndpoints.length * zones;
  return [
    {
      item: "NAT",
      quantity: `${gateways} gateway(s) with a public address, ${assumptions.natGbPerHour} GB/h`,
      hourlyUsd:
        gateways * (hourly.natGateway + hourly.publicIpv4) +
        assumptions.natGbPerHour * perGb.natGatewayProcessing,
    },
    {
      item: "Traffic between zones",
      quantity: `${assumptions.betweenZonesGbPerHour} GB/h`,
      hourlyUsd: assumptions.betweenZonesGbPerHour * perGb.betweenZones,
    },
    {
      item: "Interface endpoints",
      quantity: `${endpoints} (services x zones)`,
      hourlyUsd: endpoints * hourly.interfaceEndpoint,
    },
    loadBalancer(settings),
  ];
}

function loadBalancer({ domain, nodeGroups }: AwsSettings): CostItem {
  const item = "Load balancer";
  if (domain === undefined) return { item, quantity: "none: no domain, nothing exposed", hourlyUsd: 0 };
  const addresses = Math.max(2, nodeGroups.system.zones);
  return {
    item,
    quantity: `1 ALB, ${addresses} public addresses, ${assumptions.loadBalancerCapacityUnits} LCU`,
    hourlyUsd:
      hourly.applicationLoadBalancer +
      addresses * hourly.publicIpv4 +
      assumptions.loadBalancerCapacityUnits * hourly.loadBalancerCapacityUnit,
  };
}

function data(settings: AwsSettings): CostItem[] {
  const { database } = settings;
  const price = databaseClasses[database.instanceClass];
  if (price === undefined) throw new Error(`${database.instanceClass} is not in components/aws/prices.ts`);
  const gp3 = database.multiAz ? perGbMonth.rdsGp3MultiAz : perGbMonth.rdsGp3;
  const { bucketsGiB, imagesGiB } = assumptions;
  return [
    {
      item: "RDS PostgreSQL",
      quantity: `${database.instanceClass}${database.multiAz ? ", Multi-AZ" : ""}, ${database.storageGiB} GiB gp3`,
      hourlyUsd: (database.multiAz ? price.multiAz : price.singleAz) + overMonth(database.storageGiB * gp3),
    },
    {
      item: "S3 and ECR",
      quantity: `${bucketsGiB} GiB and ${imagesGiB} GiB`,
      hourlyUsd: overMonth(bucketsGiB * perGbMonth.s3Standard + imagesGiB * perGbMonth.ecr),
    },
  ];
}

function operations({ logRetentionDays }: AwsSettings): CostItem[] {
  const { logsGbPerDay, logCompression, kmsKeys, secrets } = assumptions;
  const storedGb = logsGbPerDay * logRetentionDays * logCompression;
  return [
    {
      item: "Control plane logs",
      quantity: `${logsGbPerDay} GB/day, kept ${logRetentionDays} days`,
      hourlyUsd: (logsGbPerDay * perGb.logIngestion) / 24 + overMonth(storedGb * perGbMonth.logStorage),
    },
    {
      item: "KMS keys and secrets",
      quantity: `${kmsKeys} keys, ${secrets} secrets`,
      hourlyUsd: overMonth(kmsKeys * perMonth.kmsKey + secrets * perMonth.secret),
    },
  ];
}

/** One GPU node for an hour, at the on-demand price and with its disk; 0 groups give undefined. */
function gpuNode({ max, instanceTypes, diskGiB }: GpuNodesSettings): number | undefined {
  const [type = ""] = instanceTypes;
  if (max === 0) return undefined;
  return instanceType(type).hourlyUsd + overMonth(diskGiB * perGbMonth.ebsGp3);
}

const cents = (usd: number): number => Math.round(usd * 10_000) / 10_000;

/**
 * Estimates what a stack costs.
 *
 * @param systemNodes nodes of the system group; its minimum by default. The rehearsal knows how many the
 *   platform's requests really need.
 */
export function estimateCost(settings: AwsSettings, size: Size, systemNodes?: number): CostEstimate {
  const { system, l4, t4 } = settings.nodeGroups;
  const items = [
    ...compute(settings, size, systemNodes ?? system.zones * system.minPerZone),
    ...network(settings),
    ...data(settings),
    ...operations(settings),
  ];
  const idle = items.reduce((sum, item) => sum + item.hourlyUsd, 0);
  const [oneL4, oneT4] = [gpuNode(l4), gpuNode(t4)];
  return {
    pricesOf: pricesRegion,
    pricesDate,
    idle: cents(idle),
    ...(oneL4 === undefined ? {} : { withOneL4: cents(idle + oneL4) }),
    ...(oneT4 === undefined ? {} : { withOneT4: cents(idle + oneT4) }),
    idleMonth: Math.round(idle * hoursPerMonth * 100) / 100,
    items: items.map((item) => ({ ...item, hourlyUsd: cents(item.hourlyUsd) })),
  };
}
