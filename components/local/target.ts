import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterTarget, PlatformService, ServiceUrl, TargetFacts } from "../target.ts";

export interface LocalTargetArgs {
  readonly facts: TargetFacts;
  readonly kubeconfig: pulumi.Input<string>;
  /** Context of the kubeconfig; its current one by default. */
  readonly context?: string;
  /** Identity of the cluster: a change means another cluster, not a new address of the same one. */
  readonly clusterIdentifier: pulumi.Input<string>;
  /** URLs of what runs beside the cluster, by service name; they win over Ingresses. */
  readonly processes?: Readonly<Record<string, string>>;
  /** How a person calls kubectl for this cluster; plain `kubectl` by default. */
  readonly kubectl?: string;
  /** Port of the host on which the ingress controller answers. */
  readonly ingressPort?: number;
  /** The resource that is the cluster, where this program made it. */
  readonly cluster?: pulumi.Resource;
}

/** A local cluster, whoever made it, as the platform sees it. */
export function localTarget(name: string, args: LocalTargetArgs): ClusterTarget {
  const kubeconfig = pulumi.secret(args.kubeconfig);
  const provider = new k8s.Provider(
    name,
    {
      kubeconfig,
      ...(args.context === undefined ? {} : { context: args.context }),
      clusterIdentifier: args.clusterIdentifier,
    },
    args.cluster === undefined ? {} : { dependsOn: [args.cluster] },
  );
  return {
    ...args.facts,
    provider,
    kubeconfig,
    ...(args.context === undefined ? {} : { kubeContext: args.context }),
    ...(args.processes === undefined ? {} : { processes: args.processes }),
    url: (service) => urlOf(service, args),
    ...(args.cluster === undefined ? {} : { deletedWith: args.cluster }),
    dependsOn: args.cluster === undefined ? [] : [args.cluster],
  };
}

/** How a service is reached: a process beside the cluster, an Ingress, or a port forwarded by hand. */
function urlOf(service: PlatformService, args: LocalTargetArgs): ServiceUrl | undefined {
  const process = args.processes?.[service.name];
  if (process !== undefined) return { url: process };
  if (!args.facts.runsPods) return undefined;
  const { ingress } = args.facts;
  if (ingress !== undefined) {
    const port = args.ingressPort === undefined || args.ingressPort === 80 ? "" : `:${args.ingressPort}`;
    return { url: `http://${service.name}.${ingress.hostSuffix}${port}` };
  }
  return {
    portForward: `${args.kubectl ?? "kubectl"} -n ${service.namespace} port-forward service/${service.service} ${service.port}`,
  };
}
