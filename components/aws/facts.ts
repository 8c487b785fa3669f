import type { Input } from "@pulumi/pulumi";
import type { AwsSettings } from "../../config/awsSchema.ts";
import type { Buckets, ClusterIngress, ClusterTraits, OutsideNetworks, TargetFacts } from "../target.ts";
import { gpuScheduling } from "./accelerators.ts";
import { planSubnets } from "./cidrs.ts";
import { mlflowDatabaseName, userSecretName } from "./databaseNames.ts";
import { instanceType } from "./instanceTypes.ts";
import { zonesOf } from "./regions.ts";
import { awsCharts } from "./systems/facts.ts";
import { ingressAnnotations, ingressClass } from "./systems/login.ts";

export interface AwsFactsArgs {
  readonly settings: AwsSettings;
  readonly buckets: Buckets;
  readonly databaseHost: Input<string>;
  readonly databasePort: number;
  readonly imageRegistry: Input<string>;
  readonly workloadIdentity: TargetFacts["workloadIdentity"];
}

/** StorageClass that volumes get by default. */
export const storageClassName = "gp3";

function capacityOf({ instanceTypes, max }: AwsSettings["nodeGroups"]["l4"]): number {
  return max * instanceType(instanceTypes[0] ?? "").gpus;
}

function ingressOf({ domain }: AwsSettings): ClusterIngress | undefined {
  if (domain?.oidc === undefined) return undefined;
  return {
    className: ingressClass,
    hostSuffix: domain.name,
    annotations: ingressAnnotations(domain.oidc),
  };
}

/** The control plane's network interfaces lie in the private subnets, public load balancers in the others. */
function networksOf(settings: AwsSettings): OutsideNetworks {
  const plan = planSubnets(settings.network.cidr, zonesOf(settings).length);
  return { controlPlane: plan.private, loadBalancers: plan.public };
}

/** What follows from the configuration alone, before there is any resource. */
export function awsTraits(settings: AwsSettings): ClusterTraits {
  return {
    runsPods: true,
    fakeGpus: false,
    selfHostsObjectStore: false,
    ownCharts: awsCharts(settings),
  };
}

/** All that the platform knows of the aws stack without any engine. */
export function awsFacts(args: AwsFactsArgs): TargetFacts {
  const { settings } = args;
  const ingress = ingressOf(settings);
  return {
    name: "eks",
    objectStore: { region: settings.region, buckets: args.buckets },
    database: {
      kind: "postgres",
      host: args.databaseHost,
      port: args.databasePort,
      name: mlflowDatabaseName,
      existingSecret: userSecretName(settings.database.passwordGeneration),
    },
    imageRegistry: args.imageRegistry,
    storageClass: storageClassName,
    accelerators: {
      l4: gpuScheduling("l4", capacityOf(settings.nodeGroups.l4)),
      t4: gpuScheduling("t4", capacityOf(settings.nodeGroups.t4)),
    },
    ...(ingress === undefined ? {} : { ingress }),
    networks: networksOf(settings),
    overlays: {},
    ...awsTraits(settings),
    workloadIdentity: args.workloadIdentity,
  };
}
