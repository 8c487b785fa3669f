import { describe, expect, it } from "vitest";
import type { ConfigurationName } from "../configurations.ts";
import type { Run } from "../harness.ts";

const buckets = ["mlflow-artifacts", "model-registry", "datasets"] as const;
const keyArn = "arn:aws:kms:us-east-1:123456789012:key/data-key";
/** Everything that protects a bucket, by the suffix of its name. */
const companions = {
  "public-access-block": "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  ownership: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  encryption: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  policy: "aws:s3/bucketPolicy:BucketPolicy",
  versioning: "aws:s3/bucketVersioning:BucketVersioning",
  lifecycle: "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
} as const;

export function describeStorage(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];

  describe("buckets", () => {
    it("are the three of the platform, named by the engine so that they are unique", () => {
      for (const name of names) {
        const made = runs[name].all("aws:s3/bucket:Bucket");
        expect(made.map((bucket) => bucket.name)).toEqual([...buckets]);
        for (const { inputs } of made) expect(inputs).toEqual({ forceDestroy: name === "smallest" });
      }
    });

    it("keep versions, encrypt, and are nobody's from outside", () => {
      for (const name of names) {
        for (const bucket of buckets) {
          const input = (suffix: keyof typeof companions) =>
            runs[name].one(companions[suffix], `${bucket}-${suffix}`).inputs;
          expect(input("public-access-block")).toEqual({
            bucket: `${bucket}-id`,
            blockPublicAcls: true,
            blockPublicPolicy: true,
            ignorePublicAcls: true,
            restrictPublicBuckets: true,
          });
          expect(input("ownership")).toEqual({
            bucket: `${bucket}-id`,
            rule: { objectOwnership: "BucketOwnerEnforced" },
          });
          expect(input("encryption")).toEqual({
            bucket: `${bucket}-id`,
            rules: [
              {
                applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: keyArn },
                bucketKeyEnabled: true,
              },
            ],
          });
          expect(input("versioning")).toEqual({
            bucket: `${bucket}-id`,
            versioningConfiguration: { status: "Enabled" },
          });
          expect(input("lifecycle")).toMatchObject({
            rules: [
              {
                status: "Enabled",
                noncurrentVersionExpiration: { noncurrentDays: bucket === "mlflow-artifacts" ? 30 : 90 },
                abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
              },
            ],
          });
          const policy = JSON.parse(String(input("policy").policy));
          expect(policy.Statement[0]).toMatchObject({
            Sid: "DenyWithoutTls",
            Effect: "Deny",
            Resource: [`arn:aws:s3:::${bucket}-id`, `arn:aws:s3:::${bucket}-id/*`],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          });
        }
      }
    });

    it.each([
      ["smallest", false],
      ["default", true],
      ["production", true],
      ["spotOnly", true],
      ["noGpu", true],
    ] as const)("%s: outlive the stack together with what protects and decrypts them: %s", (name, retain) => {
      const types = [
        "aws:s3/bucket:Bucket",
        ...Object.values(companions),
        "aws:ecr/repository:Repository",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:kms/key:Key",
        "aws:kms/alias:Alias",
      ];
      for (const type of types) {
        expect(runs[name].all(type).length).toBeGreaterThan(0);
        for (const resource of runs[name].all(type)) expect(resource.retainOnDelete).toBe(retain);
      }
    });

    it("are listed as what destroy leaves behind, with all else that it leaves", async () => {
      const left = (name: ConfigurationName) =>
        new Promise<string[]>((resolve) => {
          runs[name].target.outputs().retained.apply(resolve);
        });
      expect(await left("smallest")).toEqual([]);
      expect(await left("default")).toEqual([
        "S3 bucket mlflow-artifacts-id",
        "S3 bucket model-registry-id",
        "S3 bucket datasets-id",
        "ECR repository 123456789012.dkr.ecr.us-east-1.amazonaws.com/mlops-aws-a1b2c3/training",
        "ECR repository 123456789012.dkr.ecr.us-east-1.amazonaws.com/mlops-aws-a1b2c3/deployment",
        "ECR repository 123456789012.dkr.ecr.us-east-1.amazonaws.com/mlops-aws-a1b2c3/benchmark",
        "ECR repository 123456789012.dkr.ecr.us-east-1.amazonaws.com/mlops-aws-a1b2c3/serving",
        "RDS snapshot mlflow-database-final-a1b2c3, made at destroy",
        "CloudWatch log group /aws/eks/mlops-aws-a1b2c3/cluster",
        "KMS keys alias/mlops-aws-a1b2c3-data and alias/mlops-aws-a1b2c3-cluster",
      ]);
    });
  });

  describe("registry", () => {
    it.each([
      ["smallest", ["training"], true],
      ["default", ["training", "deployment", "benchmark", "serving"], false],
    ] as const)("%s has a repository for each image, whose tags never move", (name, images, forceDelete) => {
      const made = runs[name].all("aws:ecr/repository:Repository").map(({ inputs }) => inputs);
      expect(made).toEqual(
        images.map((image) => ({
          name: `mlops-aws-a1b2c3/${image}`,
          imageTagMutability: "IMMUTABLE",
          imageScanningConfiguration: { scanOnPush: true },
          encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: keyArn }],
          forceDelete,
        })),
      );
    });

    it("forgets untagged images, and keeps releases", () => {
      const policy = runs.default.one(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "registry-training-lifecycle",
      );
      const { rules } = JSON.parse(String(policy.inputs.policy));
      expect(rules).toMatchObject([
        { selection: { tagStatus: "untagged", countType: "sinceImagePushed", countNumber: 7 } },
        { selection: { tagStatus: "tagged", tagPrefixList: ["v"], countType: "imageCountMoreThan" } },
      ]);
    });
  });
}
