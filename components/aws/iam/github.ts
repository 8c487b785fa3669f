/** What GitHub Actions may do in the account. */
import { arn, document, type Place, type PolicyDocument, type Statement } from "./document.ts";

/** Pushes images to the given repositories, and does nothing else. */
export function imagePush(repositoryArns: readonly string[]): PolicyDocument {
  return document(
    {
      Sid: "RegistryLogin",
      Effect: "Allow",
      Action: ["ecr:GetAuthorizationToken"],
      Resource: ["*"],
    },
    {
      Sid: "PushImages",
      Effect: "Allow",
      Action: [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
      ],
      Resource: repositoryArns,
    },
  );
}

/** What a preview reads by name. */
export interface PreviewScope extends Place {
  readonly bucketArns: readonly string[];
  /** Route 53 zone of the stack's domain, where it has one. */
  readonly hostedZoneId?: string;
}

/**
 * What `pulumi preview` reads of this stack's kinds of resources: their settings, never their contents
 * (no object, secret value, log event or database row).
 */
export function previewReads(scope: PreviewScope): PolicyDocument {
  const { accountId } = scope;
  const read = (sid: string, actions: readonly string[], resources: readonly string[]): Statement => ({
    Sid: sid,
    Effect: "Allow",
    Action: actions,
    Resource: resources,
  });
  return document(
    read("PreviewReads", ["autoscaling:Describe*", "ec2:Describe*", "kms:ListAliases"], ["*"]),
    read(
      "ReadBucketSettings",
      ["s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:ListBucket"],
      scope.bucketArns,
    ),
    read("ReadClusters", ["eks:Describe*", "eks:List*"], [arn("eks", scope, "*")]),
    read("ReadDatabases", ["rds:Describe*", "rds:ListTagsForResource"], [arn("rds", scope, "*")]),
    read(
      "ReadRepositories",
      ["ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:ListTagsForResource"],
      [arn("ecr", scope, "repository/*")],
    ),
    read(
      "ReadKeys",
      ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"],
      [arn("kms", scope, "key/*")],
    ),
    read(
      "ReadLogGroups",
      ["logs:DescribeLogGroups", "logs:ListTagsForResource"],
      [arn("logs", scope, "log-group:*")],
    ),
    read(
      "ReadSecretSettings",
      ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
      [arn("secretsmanager", scope, "secret:*")],
    ),
    read(
      "ReadCertificates",
      ["acm:DescribeCertificate", "acm:ListTagsForCertificate"],
      [arn("acm", scope, "certificate/*")],
    ),
    read(
      "ReadRoles",
      ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
      [`arn:aws:iam::${accountId}:role/*`],
    ),
    read(
      "ReadIdentityProviders",
      ["iam:GetOpenIDConnectProvider"],
      [`arn:aws:iam::${accountId}:oidc-provider/*`],
    ),
    read(
      "ReadBudgets",
      ["budgets:ViewBudget", "budgets:ListTagsForResource"],
      [`arn:aws:budgets::${accountId}:budget/*`],
    ),
    ...(scope.hostedZoneId === undefined
      ? []
      : [
          read(
            "ReadZone",
            ["route53:GetHostedZone", "route53:ListResourceRecordSets"],
            [`arn:aws:route53:::hostedzone/${scope.hostedZoneId}`],
          ),
        ]),
  );
}
