import type { Input } from "@pulumi/pulumi";

/** The annotation by which EKS gives a service account's pods a role. */
export function roleAnnotation(arn: Input<string>): Record<string, Input<string>> {
  return { "eks.amazonaws.com/role-arn": arn };
}
