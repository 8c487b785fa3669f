/** What the cluster's own controllers may do in the account. */
import { arn, document, type Place, type PolicyDocument } from "./document.ts";

/** A cluster and where it is, as its controllers' permissions are bound to it. */
export interface ClusterScope extends Place {
  readonly clusterName: string;
}

/**
 * Cluster-autoscaler: looks at everything, resizes the node groups of its own cluster only.
 *
 * @see https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
 */
export function autoscaler(scope: ClusterScope): PolicyDocument {
  const { clusterName } = scope;
  return document(
    {
      Sid: "AutoscalerReads",
      Effect: "Allow",
      Action: [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:DescribeTags",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
      ],
      Resource: ["*"],
    },
    {
      Sid: "ReadNodeGroups",
      Effect: "Allow",
      Action: ["eks:DescribeNodegroup"],
      Resource: [arn("eks", scope, `nodegroup/${clusterName}/*/*`)],
    },
    {
      Sid: "ResizeNodeGroups",
      Effect: "Allow",
      Action: ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
      Resource: [arn("autoscaling", scope, "autoScalingGroup:*:autoScalingGroupName/*")],
      Condition: { StringEquals: { [`aws:ResourceTag/k8s.io/cluster-autoscaler/${clusterName}`]: "owned" } },
    },
  );
}

/**
 * EBS CSI driver: creates encrypted volumes, attaches them, and changes or deletes those that it made.
 * Snapshots are left out: the stack has no snapshot controller.
 *
 * @see https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/example-iam-policy.json
 */
export function ebsCsi(place: Place): PolicyDocument {
  const volumes = arn("ec2", place, "volume/*");
  const made = { StringEquals: { "ec2:ResourceTag/ebs.csi.aws.com/cluster": "true" } };
  return document(
    {
      Sid: "VolumesRead",
      Effect: "Allow",
      Action: [
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeSnapshots",
        "ec2:DescribeTags",
        "ec2:DescribeVolumes",
        "ec2:DescribeVolumesModifications",
        "ec2:DescribeVolumeStatus",
      ],
      Resource: ["*"],
    },
    {
      Sid: "CreateVolumes",
      Effect: "Allow",
      Action: ["ec2:CreateVolume"],
      Resource: [volumes],
      Condition: {
        StringEquals: { "aws:RequestTag/ebs.csi.aws.com/cluster": "true" },
        Bool: { "ec2:Encrypted": "true" },
      },
    },
    {
      Sid: "TagNewVolumes",
      Effect: "Allow",
      Action: ["ec2:CreateTags"],
      Resource: [volumes],
      Condition: { StringEquals: { "ec2:CreateAction": "CreateVolume" } },
    },
    {
      Sid: "AttachVolumes",
      Effect: "Allow",
      Action: ["ec2:AttachVolume", "ec2:DetachVolume"],
      Resource: [volumes],
      Condition: made,
    },
    {
      Sid: "AttachToInstances",
      Effect: "Allow",
      Action: ["ec2:AttachVolume", "ec2:DetachVolume"],
      Resource: [arn("ec2", place, "instance/*")],
    },
    {
      Sid: "ChangeVolumes",
      Effect: "Allow",
      Action: ["ec2:DeleteVolume", "ec2:ModifyVolume"],
      Resource: [volumes],
      Condition: made,
    },
  );
}

/** External-secrets: reads the given secrets, and uses their key to do so. */
export function secretReads(
  secretArns: readonly string[],
  key: { readonly arn: string; readonly region: string },
): PolicyDocument {
  return document(
    {
      Sid: "ReadSecrets",
      Effect: "Allow",
      Action: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
      Resource: secretArns,
    },
    {
      Sid: "UseKeyThroughSecretsManager",
      Effect: "Allow",
      Action: ["kms:Decrypt"],
      Resource: [key.arn],
      Condition: { StringEquals: { "kms:ViaService": `secretsmanager.${key.region}.amazonaws.com` } },
    },
  );
}
