/** IAM documents as data. */

/** Condition operator to condition key to value. */
export type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

export type Principal =
  | { readonly Service: string }
  | { readonly Federated: string }
  | { readonly AWS: string }
  | "*";

export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: Principal;
  readonly Action: readonly string[];
  /** Absent in trust policies, where the role itself is the resource. */
  readonly Resource?: readonly string[];
  readonly Condition?: Condition;
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html */
export interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

export function document(...statements: readonly Statement[]): PolicyDocument {
  return { Version: "2012-10-17", Statement: statements };
}

/** Where a stack's resources live, for their ARNs. Commercial regions only, so the partition is `aws`. */
export interface Place {
  readonly region: string;
  readonly accountId: string;
}

export function arn(service: string, { region, accountId }: Place, resource: string): string {
  return `arn:aws:${service}:${region}:${accountId}:${resource}`;
}

/**
 * Statements that must say `Resource: "*"`, by Sid, with the reason: AWS defines no resource for their
 * actions, or the resource has no name yet. A test holds every document to this list.
 */
export const unscoped: Readonly<Record<string, string>> = {
  AutoscalerReads: "autoscaling:Describe* and ec2:Describe* have no resource-level permissions",
  LoadBalancersRead: "ec2:Describe*, elasticloadbalancing:Describe* and acm:ListCertificates have none",
  VolumesRead: "ec2:Describe* has no resource-level permissions",
  RegistryLogin: "ecr:GetAuthorizationToken is for the whole registry",
  PreviewReads: "Describe and List calls of a preview name resources that may not exist yet",
  ZonesList: "route53:ListHostedZones and route53:ListHostedZonesByName have no resource-level permissions",
  KeyAdministration: "in a key policy `*` is the key itself",
  KeyForLogs: "in a key policy `*` is the key itself",
};
