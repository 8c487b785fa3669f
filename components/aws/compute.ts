import type * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { createAddon, ebsCsiConfiguration, vpcCniConfiguration } from "./addons.ts";
import type { Cluster } from "./cluster.ts";
import { ebsCsi } from "./iam/controllers.ts";
import type { ServiceAccountRoles } from "./identity.ts";
import type { Network } from "./network.ts";
import { createNodeGroups } from "./nodes.ts";
import { createNodeRole } from "./roles.ts";
import type { CommonTags } from "./tags.ts";
import type { AddonName } from "./versions.ts";

export interface ComputeArgs {
  readonly settings: AwsSettings;
  readonly cluster: Cluster;
  readonly network: Network;
  readonly roles: ServiceAccountRoles;
  readonly tags: CommonTags;
}

/**
 * What makes pods run: networking and proxy, the nodes, and the add-ons that run on them, in this order
 * and, at destroy, in the other.
 *
 * @returns what everything inside the cluster must wait for.
 */
export function createCompute(args: ComputeArgs, opts: pulumi.ComponentResourceOptions): pulumi.Resource[] {
  const { settings, cluster, network, roles, tags } = args;
  const place = { region: settings.region, accountId: settings.accountId };
  const options = { ...opts, parent: cluster };
  const addon = (
    name: AddonName,
    more: { readonly roleArn?: pulumi.Input<string>; readonly configuration?: Record<string, unknown> },
    dependsOn: readonly pulumi.Resource[],
  ): pulumi.Resource =>
    createAddon(
      name,
      name,
      { clusterName: cluster.clusterName, kubernetesVersion: settings.kubernetesVersion, ...more },
      { parent: cluster, dependsOn: [...dependsOn] },
    );

  const cniRole = roles.controller("kube-system", "aws-node", {
    managedPolicies: ["AmazonEKS_CNI_Policy"],
  });
  // Nodes need their network to become ready; the routes take them to the registry and the API.
  const networking = [
    addon("vpc-cni", { roleArn: cniRole.arn, configuration: vpcCniConfiguration(tags) }, [network]),
    addon("kube-proxy", {}, [network]),
  ];
  const nodeRole = createNodeRole("node-role", { parent: cluster });
  const nodes = createNodeGroups(
    {
      settings,
      clusterName: cluster.clusterName,
      version: settings.kubernetesVersion,
      nodeRoleArn: nodeRole.arn,
      subnetIds: network.subnetIds.private,
      tags,
    },
    { ...options, dependsOn: networking },
  );
  const volumesRole = roles.controller("kube-system", "ebs-csi-controller-sa", { policy: ebsCsi(place) });
  return [
    ...networking,
    ...nodes,
    addon("coredns", {}, nodes),
    addon("metrics-server", {}, nodes),
    addon(
      "aws-ebs-csi-driver",
      { roleArn: volumesRole.arn, configuration: ebsCsiConfiguration(tags) },
      nodes,
    ),
  ];
}
