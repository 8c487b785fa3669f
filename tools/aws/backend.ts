import { bucketPolicy } from "../../components/aws/iam/buckets.ts";
import { dataKeyPolicy } from "../../components/aws/iam/keys.ts";
import { commonTags } from "../../components/aws/tags.ts";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { type Ask, AwsError } from "./ask.ts";

/** What a team's states are kept in. */
export interface Backend {
  readonly bucket: string;
  readonly region: string;
  /** Alias of the key that encrypts the bucket and the stacks' secrets. */
  readonly alias: string;
}

type Settings = Pick<AwsSettings, "accountId" | "region" | "owner" | "costCenter">;

/** Names of an account's backend; a bucket's name is unique in the world, hence the account. */
export function backendOf({ accountId, region }: Settings): Backend {
  return { bucket: `mlops-state-${accountId}-${region}`, region, alias: "alias/mlops-state" };
}

/**
 * Makes bucket and key, or what is missing of them, and sets what protects them; may be run again. States lock
 * themselves there: Pulumi writes a lock object beside the state for as long as an update runs.
 *
 * @param onStep told of what is made or set.
 * @throws AwsError when the bucket belongs to somebody else, or AWS refuses.
 */
export async function createBackend(
  ask: Ask,
  settings: Settings,
  onStep: (step: string) => void,
): Promise<Backend> {
  const backend = backendOf(settings);
  const { bucket, alias } = backend;
  const keyArn = await ensureKey(ask, settings, alias, onStep);
  await ensureBucket(ask, settings, bucket, onStep);
  const set = async (step: string, ...args: readonly string[]): Promise<void> => {
    onStep(step);
    await ask("s3api", ...args, "--bucket", bucket);
  };
  const block =
    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true";
  const encryption = {
    Rules: [
      {
        ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: keyArn },
        BucketKeyEnabled: true,
      },
    ],
  };
  await set("no public access", "put-public-access-block", "--public-access-block-configuration", block);
  await set("old versions are kept", "put-bucket-versioning", "--versioning-configuration", "Status=Enabled");
  await set(
    "encryption with the key",
    "put-bucket-encryption",
    "--server-side-encryption-configuration",
    JSON.stringify(encryption),
  );
  const policy = JSON.stringify(bucketPolicy(`arn:aws:s3:::${bucket}`, keyArn));
  await set("TLS only, and no other key", "put-bucket-policy", "--policy", policy);
  const tags = JSON.stringify({ TagSet: tagSet(settings) });
  await set("tags", "put-bucket-tagging", "--tagging", tags);
  return backend;
}

function tagSet(settings: Settings): { Key: string; Value: string }[] {
  return Object.entries(commonTags("state", settings)).map(([Key, Value]) => ({ Key, Value }));
}

async function ensureKey(
  ask: Ask,
  settings: Settings,
  alias: string,
  onStep: (step: string) => void,
): Promise<string> {
  try {
    return arnOf(await ask("kms", "describe-key", "--key-id", alias));
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== "NotFoundException") throw error;
  }
  onStep(`key ${alias}`);
  const tags = tagSet(settings).map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value }));
  const arn = arnOf(
    await ask(
      ...["kms", "create-key", "--description", "States of the MLOps platform's stacks"],
      ...["--policy", JSON.stringify(dataKeyPolicy(settings)), "--tags", JSON.stringify(tags)],
    ),
  );
  await ask("kms", "enable-key-rotation", "--key-id", arn);
  await ask("kms", "create-alias", "--alias-name", alias, "--target-key-id", arn);
  return arn;
}

function arnOf(answer: unknown): string {
  const { KeyMetadata } = answer as { KeyMetadata?: { Arn?: string } };
  if (KeyMetadata?.Arn === undefined) throw new AwsError("AWS described a key without an ARN");
  return KeyMetadata.Arn;
}

async function ensureBucket(
  ask: Ask,
  { accountId, region }: Settings,
  bucket: string,
  onStep: (step: string) => void,
): Promise<void> {
  try {
    // Refuses a bucket of this name that somebody else got first.
    await ask("s3api", "head-bucket", "--bucket", bucket, "--expected-bucket-owner", accountId);
    return;
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== "404") throw error;
  }
  onStep(`bucket ${bucket}`);
  // The oldest region is the one that S3 wants not to be told.
  const place =
    region === "us-east-1" ? [] : ["--create-bucket-configuration", `LocationConstraint=${region}`];
  await ask("s3api", "create-bucket", "--bucket", bucket, ...place);
}

/** What to do with a backend, once. */
export function backendSteps({ bucket, region, alias }: Backend): string[] {
  return [
    `export PULUMI_BACKEND_URL='s3://${bucket}?region=${region}'`,
    "MLOPS_NO_PREPARE=1 . ./env",
    `pulumi stack init aws --secrets-provider='awskms://${alias}?region=${region}'`,
    ". ./env",
  ];
}
