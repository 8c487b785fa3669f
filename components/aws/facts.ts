import type { Input } from "@pulumi/pulumi";
import type { AwsSettings } from "../../config/awsSchema.ts";
import type { Buckets, TargetFacts } from "../target.ts";
import { gpuScheduling } from "./accelerators.ts";
import { mlflowDatabaseName, userSecretName } from "./databaseNames.ts";
import { instanceType } from "./instanceTypes.ts";
import { ingressClass, loginAnnotations } from "./systems/login.ts";

export interface AwsFactsArgs {
  readonly settings: AwsSettings;
  readonly buckets: Buckets;
  readonly databaseHost: Input<string>;
  readonly databasePort: number;
  readonly imageRegistry: Input<string>;
  readonly workloadIdentity: TargetFacts["workloadIdentity"];
}

/** How dashboards are exposed; the annotations belong on every Ingress. */
export type AwsIngress = NonNullable<TargetFacts["ingress"]> & {
  readonly annotations: Readonly<Record<string, string>>;
};

/** StorageClass that volumes get by default. */
export const storageClassName = "gp3";

function capacityOf({ instanceTypes, max }: AwsSettings["nodeGroups"]["l4"]): number {
  return max * instanceType(instanceTypes[0] ?? "").gpus;
}

function ingressOf({ domain }: AwsSettings): AwsIngress | undefined {
  if (domain?.oidc === undefined) return undefined;
  return {
    className: ingressClass,
    hostSuffix: domain.name,
    annotations: loginAnnotations(domain.oidc),
  };
}

/** All that the platform knows of the aws stack without any engine. */
export function awsFacts(args: AwsFactsArgs): TargetFacts & { readonly ingress?: AwsIngress } {
  const { settings } = args;
  const ingress = ingressOf(settings);
  return {
    name: "eks",
    objectStore: { region: settings.region, buckets: args.buckets },
    selfHostsObjectStore: false,
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
    overlays: {},
    runsPods: true,
    fakeGpus: false,
    workloadIdentity: args.workloadIdentity,
  };
}
