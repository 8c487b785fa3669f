/** Access to buckets: what workloads may do, and what nobody may. */
import { document, type PolicyDocument, type Statement } from "./document.ts";

export interface BucketGrant {
  readonly bucketArn: string;
  readonly access: "read" | "readWrite";
}

const readObjects = ["s3:GetObject", "s3:GetObjectVersion"];
// Multipart uploads of large models are aborted and resumed by part.
const writeObjects = [
  "s3:PutObject",
  "s3:DeleteObject",
  "s3:AbortMultipartUpload",
  "s3:ListMultipartUploadParts",
];

/**
 * What a workload may do with the buckets that it was granted, and with the key that encrypts them.
 *
 * The key is usable through S3 of this region only: the same key encrypts other things.
 */
export function bucketAccess(
  grants: readonly BucketGrant[],
  key: { readonly arn: string; readonly region: string },
): PolicyDocument {
  const arns = (access?: BucketGrant["access"]): string[] =>
    grants.filter((grant) => access === undefined || grant.access === access).map((grant) => grant.bucketArn);
  const writable = arns("readWrite");
  const statements: Statement[] = [
    {
      Sid: "ListBuckets",
      Effect: "Allow",
      Action: ["s3:ListBucket", "s3:GetBucketLocation"],
      Resource: arns(),
    },
    {
      Sid: "ReadObjects",
      Effect: "Allow",
      Action: readObjects,
      Resource: arns().map((bucket) => `${bucket}/*`),
    },
  ];
  if (writable.length > 0) {
    statements.push({
      Sid: "WriteObjects",
      Effect: "Allow",
      Action: writeObjects,
      Resource: writable.map((bucket) => `${bucket}/*`),
    });
  }
  statements.push({
    Sid: "UseKeyThroughS3",
    Effect: "Allow",
    Action: writable.length > 0 ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"],
    Resource: [key.arn],
    Condition: { StringEquals: { "kms:ViaService": `s3.${key.region}.amazonaws.com` } },
  });
  return document(...statements);
}

const methodHeader = "s3:x-amz-server-side-encryption";
const keyHeader = `${methodHeader}-aws-kms-key-id`;

/** A bucket's own policy: nothing without TLS, and no object under another key than the bucket's. */
export function bucketPolicy(bucketArn: string, keyArn: string): PolicyDocument {
  return document(
    {
      Sid: "DenyWithoutTls",
      Effect: "Deny",
      Principal: "*",
      Action: ["s3:*"],
      Resource: [bucketArn, `${bucketArn}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
    // A request that says nothing gets the bucket's key. `Null` is there because a negated comparison is
    // true of what is not said at all.
    {
      Sid: "DenyOtherKeys",
      Effect: "Deny",
      Principal: "*",
      Action: ["s3:PutObject"],
      Resource: [`${bucketArn}/*`],
      Condition: { Null: { [keyHeader]: "false" }, StringNotEquals: { [keyHeader]: keyArn } },
    },
    {
      Sid: "DenyOtherEncryption",
      Effect: "Deny",
      Principal: "*",
      Action: ["s3:PutObject"],
      Resource: [`${bucketArn}/*`],
      Condition: { Null: { [methodHeader]: "false" }, StringNotEquals: { [methodHeader]: "aws:kms" } },
    },
  );
}
