import * as pulumi from "@pulumi/pulumi";
import { type AwsChartName, charts } from "../../charts.ts";
import type { AwsSettings } from "../../config/awsSchema.ts";
import type { Cluster } from "./cluster.ts";
import type { Database } from "./database.ts";
import { createCertificate } from "./domain.ts";
import { autoscaler, secretReads } from "./iam/controllers.ts";
import { dnsChallenges, dnsRecords } from "./iam/dns.ts";
import { loadBalancers } from "./iam/loadBalancers.ts";
import type { Permissions, ServiceAccountRoles } from "./identity.ts";
import type { Network } from "./network.ts";
import type { Account, AwsFacts, ExposedDomain } from "./systems/facts.ts";
import type { CommonTags } from "./tags.ts";

export interface ControllersArgs {
  readonly settings: AwsSettings;
  readonly cluster: Cluster;
  readonly network: Network;
  readonly database: Database;
  readonly dataKeyArn: pulumi.Input<string>;
  readonly roles: ServiceAccountRoles;
  readonly tags: CommonTags;
}

/** Roles of the controllers that the platform installs, and all else that their charts want to know. */
export function createControllers(args: ControllersArgs, opts: pulumi.CustomResourceOptions): AwsFacts {
  const { settings, cluster, network, database, roles, tags } = args;
  const { region, accountId } = settings;
  const account = (chart: AwsChartName, permissions: Permissions): Account => ({
    name: chart,
    roleArn: roles.controller(charts[chart].namespace, chart, permissions).arn,
  });
  const scope = { region, accountId };
  const domain = createDomain(args, account, opts);
  return {
    clusterName: cluster.clusterName,
    region,
    vpcId: network.vpcId,
    kubernetesVersion: settings.kubernetesVersion,
    tags,
    accounts: {
      autoscaler: account("cluster-autoscaler", {
        policy: cluster.clusterName.apply((clusterName) => autoscaler({ ...scope, clusterName })),
      }),
      loadBalancers: account("aws-load-balancer-controller", {
        policy: pulumi
          .all([cluster.clusterName, network.vpcId, cluster.securityGroupId])
          .apply(([clusterName, vpcId, nodeSecurityGroupId]) =>
            loadBalancers({ ...scope, clusterName, vpcId, nodeSecurityGroupId }),
          ),
      }),
      secrets: account("external-secrets", {
        policy: pulumi
          .all([database.userSecret.arn, database.administratorSecretArn, args.dataKeyArn])
          .apply(([user, administrator, arn]) =>
            secretReads([user, administrator, ...(domain === undefined ? [] : [domain.clientSecretArn])], {
              arn,
              region,
            }),
          ),
      }),
    },
    database,
    passwordGeneration: settings.database.passwordGeneration,
    ...(domain === undefined ? {} : { domain }),
  };
}

/** Zones that the load balancer stands in: AWS wants two, and no more cost than need be. */
const loadBalancerZones = 2;

function createDomain(
  { settings, network }: ControllersArgs,
  account: (chart: AwsChartName, permissions: Permissions) => Account,
  opts: pulumi.CustomResourceOptions,
): ExposedDomain | undefined {
  const { domain, nodeGroups, owner, api } = settings;
  if (domain?.zoneId === undefined || domain.oidc === undefined) return undefined;
  const zones = Math.max(loadBalancerZones, nodeGroups.system.zones);
  return {
    name: domain.name,
    hostedZoneId: domain.zoneId,
    certificateArn: createCertificate(
      "dashboards-certificate",
      { domainName: domain.name, hostedZoneId: domain.zoneId },
      opts,
    ),
    subnetIds: network.subnetIds.public.slice(0, zones),
    allowedCidrs: domain.allowedCidrs ?? api.publicAccessCidrs,
    clientSecretArn: domain.oidc.clientSecretArn,
    owner,
    accounts: {
      dns: account("external-dns", { policy: dnsRecords(domain.zoneId) }),
      certificates: account("cert-manager", { policy: dnsChallenges(domain.zoneId) }),
    },
  };
}
