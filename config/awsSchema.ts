/**
 * The AWS part of the configuration: shapes, ranges and defaults. What is well-formed one by one and
 * impossible together is in awsCombinations.ts. Nothing here may import @pulumi/aws: the local stack reads
 * its configuration through this file too.
 */
import { z } from "zod";
import { interfaceEndpointServices } from "../components/aws/endpoints.ts";
import { imageNames } from "../components/aws/images.ts";
import { defaultCostCenter } from "../components/aws/tags.ts";
import { currentKubernetesVersion } from "../components/aws/versions.ts";

/** Keys whose values are plain text; all others are JSON. `1.35` and account numbers are no numbers. */
export const awsTextKeys = ["region", "accountId", "owner", "costCenter", "kubernetesVersion"] as const;

const cidr = z
  .string()
  .regex(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, "an IPv4 network in CIDR notation such as 10.42.0.0/16");
const emailWords = "an e-mail address";
const email = z.string(emailWords).regex(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, emailWords);
const accountWords = "the 12 digits of the AWS account, in quotes";
const zone = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, "an availability zone such as us-east-1a");
const instanceType = z.string().regex(/^[a-z0-9-]+\.[a-z0-9]+$/, "an EC2 instance type such as g6.xlarge");
const roleArn = z.string().regex(/^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/, "the ARN of an IAM role");
const secretArn = z
  .string()
  .regex(/^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+$/, "the ARN of a Secrets Manager secret");
const url = z.string().regex(/^https:\/\/\S+$/, "an https:// URL");
const capacity = z.enum(["onDemand", "spot"]);
const nodeCount = z.number().int().min(0).max(100);
const diskGiB = z.number().int().min(20).max(2000);

const systemNodes = z.strictObject({
  /** First one preferred; the others are taken when a zone has none of it. All of one size. */
  instanceTypes: z.array(instanceType).min(1).default(["t3a.large", "t3.large"]),
  /** Zones with a node group of their own, because a volume never leaves its zone. */
  zones: z.number().int().min(1).max(3).default(2),
  minPerZone: nodeCount.default(1),
  maxPerZone: nodeCount.default(3),
  diskGiB: diskGiB.default(40),
});

const gpuNodes = (type: string, disk: number) =>
  z.strictObject({
    instanceTypes: z.array(instanceType).min(1).default([type]),
    /** Zones that have the instance type; all of the stack's zones by default. */
    zones: z.array(zone).min(1).max(3).optional(),
    min: nodeCount.default(0),
    /** 0 leaves the node group out. */
    max: nodeCount.default(1),
    capacity: capacity.default("onDemand"),
    diskGiB: diskGiB.default(disk),
  });

const nodeGroups = z.strictObject({
  system: systemNodes.prefault({}),
  l4: gpuNodes("g6.xlarge", 120).prefault({}),
  t4: gpuNodes("g4dn.xlarge", 120).prefault({}),
});

const network = z.strictObject({
  cidr: cidr.default("10.42.0.0/16"),
  natGateways: z.enum(["single", "perZone"]).default("single"),
  interfaceEndpoints: z.array(z.enum(interfaceEndpointServices)).default([]),
  /** Networks that this one will be connected to and must not overlap. */
  reservedCidrs: z.array(cidr).default([]),
});

const api = z.strictObject({
  /** Networks that may reach the cluster's public API endpoint. EKS takes at most 40. */
  publicAccessCidrs: z.array(cidr).max(40).default([]),
  /** Pulumi runs inside the VPC, or in a network connected to it, and reaches the private endpoint. */
  insideVpc: z.boolean().default(false),
  /** IAM roles whose holders administer the cluster, besides whoever creates it. */
  adminRoleArns: z.array(roleArn).default([]),
});

const database = z.strictObject({
  instanceClass: z
    .string()
    .regex(/^db\.[a-z0-9]+\.[a-z0-9]+$/, "an RDS instance class such as db.t4g.micro")
    .default("db.t4g.micro"),
  storageGiB: z.number().int().min(20).max(16384).default(20),
  /** Storage grows by itself up to here. */
  maxStorageGiB: z.number().int().min(20).max(16384).default(100),
  multiAz: z.boolean().default(false),
  backupDays: z.number().int().min(1).max(35).default(7),
  deletionProtection: z.boolean().default(false),
  /** Raise it by one to give MLflow a new password at the next `pulumi up`. */
  passwordGeneration: z.number().int().min(1).default(1),
});

const github = z.strictObject({
  repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/, "a GitHub repository as owner/name"),
  /**
   * Numbers of owner and repository, where GitHub's tokens name them too: those of every repository made or
   * renamed after July 15, 2026.
   */
  ids: z
    .strictObject({ owner: z.number().int().positive(), repository: z.number().int().positive() })
    .optional(),
  /** Branch whose workflows may push images. */
  branch: z
    .string()
    .regex(/^[\w./-]+$/, "a branch name")
    .default("main"),
  /** An account has at most one identity provider for GitHub: false where another stack made it. */
  createProvider: z.boolean().default(true),
});

const oidc = z.strictObject({
  issuer: url,
  authorizationEndpoint: url,
  tokenEndpoint: url,
  userInfoEndpoint: url,
  /** Secret with JSON keys `clientID` and `clientSecret`. */
  clientSecretArn: secretArn,
});

const domain = z.strictObject({
  /** Dashboards are served at `<service>.<name>`. */
  name: z.string().regex(/^([a-z0-9-]+\.)+[a-z]{2,}$/, "a domain name such as mlops.example.com"),
  /** Public Route 53 zone that holds it. */
  zoneId: z
    .string()
    .regex(/^Z[A-Z0-9]+$/, "a Route 53 hosted zone id")
    .optional(),
  /** Who may log in. */
  oidc: oidc.optional(),
  /** Networks that may reach the load balancer at all; those of api.publicAccessCidrs by default. */
  allowedCidrs: z.array(cidr).min(1).optional(),
});

const budget = z.strictObject({
  monthlyUsd: z.number().min(1).default(400),
  /** Who is told; the owner by default. */
  emails: z.array(email).min(1).max(10).optional(),
});

/** CloudWatch takes these and no others. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
] as const;

/** Fields of the configuration that only the aws stack has. */
export const awsShape = {
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "an AWS region such as us-east-1"),
  accountId: z.string(accountWords).regex(/^\d{12}$/, accountWords),
  /** Zones of the VPC; those in components/aws/regions.ts by default. */
  zones: z.array(zone).min(2).max(3).optional(),
  owner: email,
  costCenter: z
    .string()
    .regex(/^[\w+=.:/@ -]{1,256}$/, "letters, digits and + - = . _ : / @")
    .default(defaultCostCenter),
  kubernetesVersion: z
    .string()
    .regex(/^\d+\.\d+$/, "a Kubernetes minor version such as 1.35")
    .default(currentKubernetesVersion),
  api: api.prefault({}),
  network: network.prefault({}),
  nodeGroups: nodeGroups.prefault({}),
  database: database.prefault({}),
  images: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, "an image name: lower case letters, digits, '-'"))
    .min(1)
    .default([...imageNames]),
  github: github.optional(),
  domain: domain.optional(),
  budget: budget.prefault({}),
  logRetentionDays: z.literal(retentionDays).default(30),
  /** What holds data (buckets, images, their key, a last database snapshot, logs) outlives `destroy`. */
  retain: z.boolean().default(true),
};

export const awsSettings = z.strictObject(awsShape);
/** The checked AWS part of the configuration, with every default filled in. */
export type AwsSettings = z.infer<typeof awsSettings>;
export type GpuNodesSettings = AwsSettings["nodeGroups"]["l4"];
