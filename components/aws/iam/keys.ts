/** Key policies. */
import { arn, document, type Place, type PolicyDocument, type Statement } from "./document.ts";

/**
 * Leaves who may use the key to IAM policies of the account. AWS's own default: without it a key could
 * become one that nobody can change or delete.
 */
function administration({ accountId }: Place): Statement {
  return {
    Sid: "KeyAdministration",
    Effect: "Allow",
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
    Action: ["kms:*"],
    Resource: ["*"],
  };
}

/** Policy of the key for data at rest (buckets, database, images, secrets). */
export function dataKeyPolicy(place: Place): PolicyDocument {
  return document(administration(place));
}

/** Policy of the key for Kubernetes secrets and the control plane's logs. */
export function clusterKeyPolicy(place: Place, logGroup: string): PolicyDocument {
  return document(administration(place), {
    Sid: "KeyForLogs",
    Effect: "Allow",
    Principal: { Service: `logs.${place.region}.amazonaws.com` },
    Action: [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:GenerateDataKey",
      "kms:DescribeKey",
    ],
    Resource: ["*"],
    Condition: {
      ArnEquals: { "kms:EncryptionContext:aws:logs:arn": arn("logs", place, `log-group:${logGroup}`) },
    },
  });
}
