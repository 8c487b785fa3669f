/**
 * List prices of AWS in us-east-1, in USD, without tax, discounts or free tier. The one table that every
 * estimate is made from; EC2 instances are priced beside their sizes, in instanceTypes.ts.
 *
 * Source: AWS's public price list. EKS, EC2, NAT, endpoints, load balancer, EBS, KMS, Secrets Manager and
 * db.t4g.small were compared in mid 2026 with what Karpenter and Infracost generate from it; the others
 * are as published in 2025.
 */
export const pricesRegion = "us-east-1";
export const pricesDate = "2026-07-20";

/** Hours in an average month, as AWS's calculator counts. */
export const hoursPerMonth = 730;

/** USD an hour. */
export const hourly = {
  eksControlPlane: 0.1,
  natGateway: 0.045,
  publicIpv4: 0.005,
  interfaceEndpoint: 0.01,
  applicationLoadBalancer: 0.0225,
  loadBalancerCapacityUnit: 0.008,
} as const;

/** USD a GB, once. */
export const perGb = {
  natGatewayProcessing: 0.045,
  /** One cent in each direction. */
  betweenZones: 0.02,
  logIngestion: 0.5,
} as const;

/** USD a GB and month. */
export const perGbMonth = {
  ebsGp3: 0.08,
  rdsGp3: 0.115,
  rdsGp3MultiAz: 0.23,
  logStorage: 0.03,
  s3Standard: 0.023,
  ecr: 0.1,
} as const;

/** USD each and month. */
export const perMonth = { kmsKey: 1, secret: 0.4 } as const;

export interface DatabasePrice {
  readonly singleAz: number;
  readonly multiAz: number;
}

/** RDS for PostgreSQL, USD an hour. */
export const databaseClasses: Readonly<Record<string, DatabasePrice>> = {
  "db.t4g.micro": { singleAz: 0.016, multiAz: 0.032 },
  "db.t4g.small": { singleAz: 0.032, multiAz: 0.065 },
  "db.t4g.medium": { singleAz: 0.065, multiAz: 0.129 },
  "db.t4g.large": { singleAz: 0.129, multiAz: 0.258 },
};
