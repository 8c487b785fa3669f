/** What the charts that only AWS needs are told about where they run. */
import type { Input } from "@pulumi/pulumi";
import type { AwsChartName } from "../../../charts.ts";
import type { AwsSettings } from "../../../config/awsSchema.ts";
import type { Additions, System } from "../../platform/system.ts";
import type { DatabaseAccess } from "../databaseUser.ts";
import type { CommonTags } from "../tags.ts";

/** A system of the platform whose chart only a cluster on AWS needs. */
export type AwsSystem = System & { readonly chart: AwsChartName };

/** A service account of a controller, and the role that it takes on. */
export interface Account {
  readonly name: string;
  readonly roleArn: Input<string>;
}

/** How dashboards are exposed, where a domain is configured. */
export interface ExposedDomain {
  readonly name: string;
  readonly hostedZoneId: string;
  readonly certificateArn: Input<string>;
  /** Public subnets of the load balancer. */
  readonly subnetIds: readonly Input<string>[];
  readonly allowedCidrs: readonly string[];
  /** Secrets Manager secret with the identity provider's client. */
  readonly clientSecretArn: string;
  readonly owner: string;
  readonly accounts: { readonly dns: Account; readonly certificates: Account };
}

export interface AwsFacts {
  readonly clusterName: Input<string>;
  readonly region: string;
  readonly vpcId: Input<string>;
  readonly kubernetesVersion: string;
  readonly tags: CommonTags;
  readonly accounts: {
    readonly autoscaler: Account;
    readonly loadBalancers: Account;
    readonly secrets: Account;
  };
  /** MLflow's database, for its user's credentials. */
  readonly database: DatabaseAccess;
  readonly passwordGeneration: number;
  readonly domain?: ExposedDomain;
}

/**
 * Which charts an aws stack adds: GPU charts only where a GPU node can exist, names and certificates only
 * where there is a domain.
 */
export function awsCharts(settings: AwsSettings): AwsChartName[] {
  const { l4, t4 } = settings.nodeGroups;
  return [
    "aws-load-balancer-controller",
    "cluster-autoscaler",
    "external-secrets",
    ...(l4.max + t4.max > 0 ? (["nvidia-device-plugin", "dcgm-exporter"] as const) : []),
    ...(settings.domain === undefined ? [] : (["external-dns", "cert-manager"] as const)),
  ];
}

/**
 * What the platform's charts need besides what charts.ts says, on AWS: MLflow its database user, and
 * whatever makes an Ingress the controller that takes it away again.
 */
export const awsNeeds: Additions["needs"] = {
  mlflow: ["external-secrets", "aws-load-balancer-controller"],
  "argo-cd": ["aws-load-balancer-controller"],
  "argo-workflows": ["aws-load-balancer-controller"],
  "kube-prometheus-stack": ["aws-load-balancer-controller"],
  "ray-cluster": ["aws-load-balancer-controller"],
};
