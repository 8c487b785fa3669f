import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { PolicyDocument } from "./iam/document.ts";
import { serviceTrust } from "./iam/trust.ts";

/** A document whose parts are known once the resources that it names exist. */
export type PolicyInput = pulumi.Input<PolicyDocument>;

export interface RoleArgs {
  readonly description: string;
  readonly trust: PolicyInput;
  /** What the role may do, in words of our own. */
  readonly policy?: PolicyInput;
  /** AWS managed policies by name, for parts of the cluster that AWS itself runs. */
  readonly managedPolicies?: readonly string[];
}

/** A role together with its permissions. */
export interface Role {
  readonly role: aws.iam.Role;
  /**
   * The role's ARN, known only when the permissions are attached too, so that who uses it is made after
   * them and deleted before them.
   */
  readonly arn: pulumi.Output<string>;
  readonly attachments: readonly pulumi.Resource[];
}

/** An IAM role with what it may do. */
export function createRole(name: string, args: RoleArgs, opts: pulumi.CustomResourceOptions): Role {
  const role = new aws.iam.Role(
    name,
    { description: args.description, assumeRolePolicy: pulumi.jsonStringify(args.trust) },
    opts,
  );
  const attachments: (aws.iam.RolePolicy | aws.iam.RolePolicyAttachment)[] = (args.managedPolicies ?? []).map(
    (policy) =>
      new aws.iam.RolePolicyAttachment(
        `${name}-${policy}`,
        { role: role.name, policyArn: `arn:aws:iam::aws:policy/${policy}` },
        opts,
      ),
  );
  if (args.policy !== undefined) {
    attachments.push(
      new aws.iam.RolePolicy(
        `${name}-policy`,
        { role: role.name, policy: pulumi.jsonStringify(args.policy) },
        opts,
      ),
    );
  }
  return {
    role,
    arn: pulumi.all([role.arn, pulumi.all(attachments.map(({ id }) => id))]).apply(([arn]) => arn),
    attachments,
  };
}

/** Role of the control plane. */
export function createClusterRole(name: string, opts: pulumi.CustomResourceOptions): Role {
  return createRole(
    name,
    {
      description: "EKS control plane",
      trust: serviceTrust("eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"]),
      managedPolicies: ["AmazonEKSClusterPolicy"],
    },
    opts,
  );
}

/**
 * Role of the nodes: they join the cluster and pull images. What pods may do is not in here: pods cannot
 * reach the instance's credentials (IMDSv2 with a hop limit of 1), each has a role of its own.
 */
export function createNodeRole(name: string, opts: pulumi.CustomResourceOptions): Role {
  return createRole(
    name,
    {
      description: "EKS nodes",
      trust: serviceTrust("ec2.amazonaws.com"),
      managedPolicies: ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"],
    },
    opts,
  );
}
