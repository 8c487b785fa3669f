import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { charts } from "../../charts.ts";
import type { ClusterTarget, Size } from "../target.ts";
import { gatewayPorts } from "../tenancy/names.ts";
import { gatewayObjects, gatewayRequests, type PlainObject, type PodRequests } from "./gatewayObjects.ts";
import type { PlatformOptions } from "./system.ts";

export interface GatewayArgs {
  readonly target: ClusterTarget;
  readonly size: Size;
  readonly options: PlatformOptions;
  /** Tag, with or without digest, of the image `serving` in the target's registry. */
  readonly imageTag: string;
  /** The servers' namespace, to be waited for. */
  readonly namespace: pulumi.Resource;
  /** What the CRDs of the Prometheus operator come with, to be waited for. */
  readonly monitoring: readonly pulumi.Resource[];
}

/** Namespace of the servers, the gateway and the reconciler. */
export const servingNamespace = charts.triton.namespace;

/** The gateway in front of Triton and vLLM, and the reconciler of their replicas. */
export class Gateway extends pulumi.ComponentResource {
  /** In-cluster addresses, by name. */
  readonly endpoints: Readonly<Record<string, string>> = {
    gateway: `http://gateway.${servingNamespace}.svc.cluster.local:${gatewayPorts.serve}`,
  };

  /** What its pods ask the scheduler for. */
  readonly requests: readonly PodRequests[];

  constructor(name: string, args: GatewayArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:platform:Gateway", name, {}, opts);
    const image = pulumi.interpolate`${args.target.imageRegistry}/serving:${args.imageTag}`;
    this.requests = gatewayRequests(args.size);
    for (const object of gatewayObjects({ ...args, image })) this.create(object, args);
    this.registerOutputs({ endpoints: this.endpoints });
  }

  private create(object: PlainObject, { target, namespace: servers, monitoring }: GatewayArgs): void {
    const name = `serving-${object.kind.toLowerCase()}-${object.metadata.name}`;
    const options: pulumi.CustomResourceOptions = {
      parent: this,
      provider: target.provider,
      dependsOn: object.kind === "ServiceMonitor" ? [servers, ...monitoring] : [servers],
      ...(target.deletedWith === undefined ? {} : { deletedWith: target.deletedWith }),
    };
    switch (object.kind) {
      case "ServiceAccount":
        new k8s.core.v1.ServiceAccount(name, object, options);
        return;
      case "Service":
        new k8s.core.v1.Service(name, object, options);
        return;
      case "Deployment":
        new k8s.apps.v1.Deployment(name, object, options);
        return;
      case "PodDisruptionBudget":
        new k8s.policy.v1.PodDisruptionBudget(name, object, options);
        return;
      case "ServiceMonitor":
        new k8s.apiextensions.CustomResource(name, object, options);
    }
  }
}
