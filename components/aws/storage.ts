import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Buckets } from "../target.ts";
import { bucketPolicy } from "./iam/buckets.ts";
import type { Place } from "./iam/document.ts";
import { dataKeyPolicy } from "./iam/keys.ts";

export interface DataKeyArgs extends Place {
  /** Unique name of the stack's cluster, from which the key's alias is made. */
  readonly clusterName: pulumi.Input<string>;
  readonly retain: boolean;
}

/** The key for data at rest: buckets, images, database, secrets. It outlives whatever it encrypts. */
export function createDataKey(
  name: string,
  args: DataKeyArgs,
  opts: pulumi.CustomResourceOptions,
): aws.kms.Key {
  const options = { ...opts, retainOnDelete: args.retain };
  const key = new aws.kms.Key(
    name,
    {
      description: "Buckets, images, database and secrets of the MLOps platform",
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: JSON.stringify(dataKeyPolicy(args)),
    },
    options,
  );
  new aws.kms.Alias(
    `${name}-alias`,
    { name: pulumi.interpolate`alias/${args.clusterName}-data`, targetKeyId: key.keyId },
    options,
  );
  return key;
}

export interface BucketArgs {
  readonly keyArn: pulumi.Input<string>;
  /** Whether the bucket, with all that protects it, outlives the stack. Otherwise it goes, objects and all. */
  readonly retain: boolean;
  /** Days until versions that were overwritten or deleted go. */
  readonly noncurrentDays: number;
}

/**
 * A bucket that keeps old versions, encrypts with the stack's key, and is reachable over TLS only and by
 * nobody from outside the account. Its real name is the logical one with a unique suffix.
 */
export class Bucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: BucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:Bucket", name, {}, opts);
    // A bucket that stays behind without its public access block or policy would be worse than one that
    // goes, so all of it stays together.
    const options = { parent: this, retainOnDelete: args.retain };
    const bucket = new aws.s3.Bucket(name, { forceDestroy: !args.retain }, options);
    this.bucketName = bucket.id;
    this.arn = bucket.arn;
    this.protect(name, args, options);
    this.keepVersions(name, args, options);
    this.registerOutputs({ bucketName: this.bucketName });
  }

  private protect(name: string, { keyArn }: BucketArgs, options: pulumi.CustomResourceOptions): void {
    const bucket = this.bucketName;
    const block = new aws.s3.BucketPublicAccessBlock(
      `${name}-public-access-block`,
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      options,
    );
    new aws.s3.BucketOwnershipControls(
      `${name}-ownership`,
      { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      options,
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      {
        bucket,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: keyArn },
            // One call to KMS for many objects, or large data sets cost more in calls than in storage.
            bucketKeyEnabled: true,
          },
        ],
      },
      options,
    );
    new aws.s3.BucketPolicy(
      `${name}-policy`,
      {
        bucket,
        policy: pulumi.jsonStringify(
          pulumi.all([this.arn, keyArn]).apply(([arn, key]) => bucketPolicy(arn, key)),
        ),
      },
      // S3 refuses two changes of a bucket's access at a time.
      { ...options, dependsOn: [block] },
    );
  }

  private keepVersions(
    name: string,
    { noncurrentDays }: BucketArgs,
    options: pulumi.CustomResourceOptions,
  ): void {
    const bucket = this.bucketName;
    const versioning = new aws.s3.BucketVersioning(
      `${name}-versioning`,
      { bucket, versioningConfiguration: { status: "Enabled" } },
      options,
    );
    new aws.s3.BucketLifecycleConfiguration(
      `${name}-lifecycle`,
      {
        bucket,
        rules: [
          {
            id: "old-versions",
            status: "Enabled",
            filter: { prefix: "" },
            noncurrentVersionExpiration: { noncurrentDays },
            expiration: { expiredObjectDeleteMarker: true },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
          },
        ],
      },
      { ...options, dependsOn: [versioning] },
    );
  }
}

/** Logical bucket names, and how long each keeps what was overwritten or deleted. */
const buckets: Readonly<Record<keyof Buckets, { readonly name: string; readonly noncurrentDays: number }>> = {
  mlflowArtifacts: { name: "mlflow-artifacts", noncurrentDays: 30 },
  // Promotion and rollback read old model versions by name; this is for those that someone deleted.
  modelRegistry: { name: "model-registry", noncurrentDays: 90 },
  datasets: { name: "datasets", noncurrentDays: 90 },
};

/** The three buckets of the platform. */
export function createBuckets(
  args: Pick<BucketArgs, "keyArn" | "retain">,
  opts: pulumi.ComponentResourceOptions,
): Record<keyof Buckets, Bucket> {
  const make = (key: keyof Buckets): Bucket => {
    const { name, noncurrentDays } = buckets[key];
    return new Bucket(name, { ...args, noncurrentDays }, opts);
  };
  return {
    mlflowArtifacts: make("mlflowArtifacts"),
    modelRegistry: make("modelRegistry"),
    datasets: make("datasets"),
  };
}
