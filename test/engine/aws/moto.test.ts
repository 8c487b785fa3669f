/**
 * What the program would tell AWS, told to an AWS in memory by AWS's own SDK: names and types of parameters, policy
 * documents, networks that must fit into each other, and AWS's own policies that must exist.
 */
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { exec } from "../../../tools/lib/exec.ts";
import { type ConfigurationName, configurations, settingsOf } from "../../unit/aws/configurations.ts";
import { run } from "../../unit/aws/harness.ts";
import { pythonWithMoto } from "./moto/environment.ts";

const file = (name: string): string => fileURLToPath(new URL(`moto/${name}`, import.meta.url));

interface Seen {
  readonly applied: readonly string[];
  readonly skipped: readonly string[];
  readonly buckets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly databases: readonly Readonly<Record<string, unknown>>[];
  readonly launchTemplates: readonly Readonly<Record<string, unknown>>[];
  readonly repositories: readonly Readonly<Record<string, unknown>>[];
  readonly roles: readonly string[];
  readonly subnets: readonly (readonly [zone: string, cidr: string, publicAddresses: boolean])[];
}

const names = Object.keys(configurations) as ConfigurationName[];
let python: string;

beforeAll(async () => {
  python = await pythonWithMoto();
});

/** What the mocks call a resource in the inputs of others. */
function idOf(type: string, name: string): string {
  return type === "aws:kms/key:Key" ? name : `${name}-id`;
}

/** What AWS says after a configuration was applied. */
async function applied(name: ConfigurationName): Promise<Seen> {
  const { resources } = await run(name);
  const told = resources
    .filter(({ type }) => type.startsWith("aws:"))
    .map(({ type, name, inputs }) => ({ type, name, inputs, id: idOf(type, name) }));
  const input = JSON.stringify(told);
  const { region } = settingsOf(name);
  const env = { AWS_DEFAULT_REGION: region };
  const { stdout } = await exec(python, [file("apply.py")], { input, env, timeoutMs: 120_000 });
  return JSON.parse(stdout) as Seen;
}

/** Types that moto has no or too little of: what is left to the tests of inputs and to AWS itself. */
const beyondMoto = [
  "aws:autoscaling/tag:Tag",
  "aws:budgets/budget:Budget",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
  "aws:ec2/tag:Tag",
  "aws:eks/addon:Addon",
  "aws:eks/nodeGroup:NodeGroup",
];

describe.each(names)("%s", (name) => {
  let seen: Seen;

  beforeAll(async () => {
    seen = await applied(name);
  });

  it("is taken by S3, ECR, RDS, EC2, IAM, KMS and Secrets Manager, and nothing is left out unsaid", () => {
    const ofDomain = ["aws:acm/", "aws:route53/", "aws:eks/access"];
    const unsaid = seen.skipped.filter((type) => !ofDomain.some((prefix) => type.startsWith(prefix)));
    expect(unsaid).toEqual(beyondMoto);
    expect(seen.applied.length).toBeGreaterThanOrEqual(30);
  });

  it("has buckets that keep versions, encrypt, and show nothing to the public", () => {
    expect(Object.keys(seen.buckets)).toHaveLength(3);
    for (const bucket of Object.values(seen.buckets)) {
      expect(bucket).toMatchObject({
        versioning: "Enabled",
        publicAccessBlock: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        encryption: {
          Rules: [
            { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" }, BucketKeyEnabled: true },
          ],
        },
        rules: 1,
      });
      expect(JSON.stringify(bucket.policy)).toContain('"aws:SecureTransport":"false"');
    }
  });

  it("has images whose tags never move", () => {
    expect(seen.repositories.length).toBeGreaterThan(0);
    for (const repository of seen.repositories) {
      expect(repository).toMatchObject({
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfiguration: { encryptionType: "KMS" },
      });
    }
  });

  it("has one database, private and encrypted", () => {
    expect(seen.databases).toMatchObject([
      { Engine: "postgres", StorageEncrypted: true, PubliclyAccessible: false, DBName: "mlflow" },
    ]);
  });

  it("launches instances that answer metadata requests with a token only, on encrypted disks", () => {
    expect(seen.launchTemplates.length).toBeGreaterThan(0);
    for (const template of seen.launchTemplates) {
      expect(template).toMatchObject({
        MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
        BlockDeviceMappings: [{ Ebs: { Encrypted: true, VolumeType: "gp3" } }],
      });
    }
  });

  it("has subnets of every kind in every zone", () => {
    const zones = new Set(seen.subnets.map(([zone]) => zone));
    expect(seen.subnets).toHaveLength(3 * zones.size);
  });
});
