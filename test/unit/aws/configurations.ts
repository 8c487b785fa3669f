/** The configurations that the tests look at. */
import type { Size } from "../../../components/target.ts";
import { type AwsSettings, awsSettings } from "../../../config/awsSchema.ts";

export const account = "123456789012";

/** Fields that every configuration has to name. */
const required = {
  region: "us-east-1",
  accountId: account,
  owner: "owner@example.com",
  api: { publicAccessCidrs: ["203.0.113.0/24"] },
};

const domain = {
  name: "mlops.example.com",
  zoneId: "Z0123456789ABCDEFGHIJ",
  oidc: {
    issuer: "https://login.example.com",
    authorizationEndpoint: "https://login.example.com/authorize",
    tokenEndpoint: "https://login.example.com/token",
    userInfoEndpoint: "https://login.example.com/userinfo",
    clientSecretArn: `arn:aws:secretsmanager:us-east-1:${account}:secret:dashboards-AbCdEf`,
  },
};

/** The configurations that the tests look at, by name. */
export const configurations = {
  smallest: {
    ...required,
    zones: ["us-east-1a", "us-east-1b"],
    network: { cidr: "10.0.0.0/20" },
    nodeGroups: { system: { zones: 1, maxPerZone: 1, diskGiB: 30 }, t4: { max: 0 } },
    logRetentionDays: 1,
    images: ["training"],
    retain: false,
  },
  default: { ...required },
  production: {
    ...required,
    network: { natGateways: "perZone", interfaceEndpoints: ["ecr.api", "ecr.dkr", "sts"] },
    api: {
      publicAccessCidrs: ["203.0.113.0/24"],
      adminRoleArns: [`arn:aws:iam::${account}:role/platform-admins`],
    },
    nodeGroups: {
      system: { instanceTypes: ["m6i.xlarge"], zones: 3, maxPerZone: 4, diskGiB: 100 },
      l4: { min: 1, max: 4 },
      t4: { max: 4, zones: ["us-east-1a", "us-east-1c"] },
    },
    database: {
      instanceClass: "db.t4g.medium",
      multiAz: true,
      backupDays: 35,
      deletionProtection: true,
      passwordGeneration: 3,
    },
    github: { repository: "example/platform", ids: { owner: 4711, repository: 1234567 } },
    domain,
    budget: { monthlyUsd: 5000, emails: ["finance@example.com", "platform@example.com"] },
    logRetentionDays: 365,
    costCenter: "ml-4711",
  },
  spotOnly: {
    ...required,
    nodeGroups: { l4: { capacity: "spot", max: 2 }, t4: { capacity: "spot", max: 8 } },
  },
  noGpu: {
    ...required,
    region: "eu-west-1",
    api: { insideVpc: true },
    nodeGroups: { l4: { max: 0 }, t4: { max: 0 } },
  },
} as const;
export type ConfigurationName = keyof typeof configurations;

export function settingsOf(name: ConfigurationName): AwsSettings {
  return awsSettings.parse(configurations[name]);
}

export const sizes: Readonly<Record<ConfigurationName, Size>> = {
  smallest: "small",
  default: "small",
  production: "production",
  spotOnly: "small",
  noGpu: "small",
};
