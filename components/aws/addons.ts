import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { CommonTags } from "./tags.ts";
import { type AddonName, kubernetesRelease } from "./versions.ts";

export interface AddonArgs {
  readonly clusterName: pulumi.Input<string>;
  /** Kubernetes minor version; it decides the add-on's version. */
  readonly kubernetesVersion: string;
  /** Role of the add-on's service account, for those that call AWS. */
  readonly roleArn?: pulumi.Input<string>;
  /** @see `aws eks describe-addon-configuration` */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** An EKS add-on at the version that fits the cluster. */
export function createAddon(
  name: string,
  addon: AddonName,
  args: AddonArgs,
  opts: pulumi.CustomResourceOptions,
): aws.eks.Addon {
  return new aws.eks.Addon(
    name,
    {
      clusterName: args.clusterName,
      addonName: addon,
      addonVersion: kubernetesRelease(args.kubernetesVersion).addons[addon],
      ...(args.roleArn === undefined ? {} : { serviceAccountRoleArn: args.roleArn }),
      ...(args.configuration === undefined
        ? {}
        : { configurationValues: JSON.stringify(args.configuration) }),
      // This program owns the configuration; what someone changed by hand goes back at the next update.
      resolveConflictsOnCreate: "OVERWRITE",
      resolveConflictsOnUpdate: "OVERWRITE",
      preserve: false,
    },
    opts,
  );
}

/**
 * Pod networking that also enforces NetworkPolicies. The interfaces that it adds to a node carry the stack's
 * tags too: the launch template tags the first one only.
 */
export function vpcCniConfiguration(tags: CommonTags): Readonly<Record<string, unknown>> {
  return { enableNetworkPolicy: "true", env: { ADDITIONAL_ENI_TAGS: JSON.stringify(tags) } };
}

/** Volumes carry the stack's tags too: the driver makes them, not this program. */
export function ebsCsiConfiguration(tags: CommonTags): Readonly<Record<string, unknown>> {
  return { controller: { extraVolumeTags: tags } };
}
