import type * as pulumi from "@pulumi/pulumi";
import { charts } from "../../../charts.ts";
import type { PrepareContext } from "../../platform/system.ts";
import { resources, restrictedContainer, restrictedPod } from "../../platform/values.ts";
import type { Size } from "../../target.ts";
import { drainAtDestroy } from "../drain.ts";
import { roleAnnotation } from "../roleAnnotation.ts";
import type { AwsFacts, AwsSystem, ExposedDomain } from "./facts.ts";
import { guardDashboards, ingressClass } from "./login.ts";

const sized = {
  small: {
    replicas: 1,
    resources: resources({ cpu: "50m", memory: "128Mi" }, { cpu: "500m", memory: "256Mi" }),
  },
  production: {
    replicas: 2,
    resources: resources({ cpu: "100m", memory: "256Mi" }, { cpu: "1", memory: "512Mi" }),
  },
} as const satisfies Record<Size, unknown>;

/** One load balancer for all dashboards: HTTPS with our certificate, reachable from where config says. */
function publicClass(domain: ExposedDomain): Record<string, unknown> {
  return {
    group: { name: "dashboards" },
    scheme: "internet-facing",
    inboundCIDRs: domain.allowedCidrs,
    subnets: { ids: domain.subnetIds },
    targetType: "ip",
    certificateArn: [domain.certificateArn],
    listeners: [
      { protocol: "HTTP", port: 80 },
      { protocol: "HTTPS", port: 443 },
    ],
    sslRedirectPort: "443",
    sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
    loadBalancerAttributes: [
      { key: "routing.http.drop_invalid_header_fields.enabled", value: "true" },
      { key: "routing.http.desync_mitigation_mode", value: "strictest" },
    ],
  };
}

/**
 * Makes a load balancer for every Ingress of our class, and for Services that ask for one: inside the
 * VPC unless a domain is configured.
 */
export function loadBalancerController(facts: AwsFacts): AwsSystem {
  const { name, roleArn } = facts.accounts.loadBalancers;
  return {
    chart: "aws-load-balancer-controller",
    values: ({ size }) => ({
      clusterName: facts.clusterName,
      // Said, because pods cannot ask the instance metadata service.
      region: facts.region,
      vpcId: facts.vpcId,
      replicaCount: sized[size].replicas,
      resources: sized[size].resources,
      podSecurityContext: { ...restrictedPod, fsGroup: 65534 },
      securityContext: { ...restrictedContainer, runAsNonRoot: true, readOnlyRootFilesystem: true },
      serviceAccount: { create: true, name, annotations: roleAnnotation(roleArn) },
      defaultTags: facts.tags,
      defaultTargetType: "ip",
      defaultLoadBalancerScheme: "internal",
      // It would have to answer before any other Service can be made.
      enableServiceMutatorWebhook: false,
      // A new certificate at every upgrade would break admission until all see it.
      keepTLSSecret: true,
      enableShield: false,
      enableWaf: false,
      enableWafv2: false,
      ingressClass,
      // An Ingress that names its class by the older annotation is bound by none of the parameters below and
      // could make itself reachable for the world.
      disableIngressClassAnnotation: true,
      createIngressClassResource: true,
      ingressClassParams: {
        create: true,
        name: ingressClass,
        spec: facts.domain === undefined ? { scheme: "internal" } : publicClass(facts.domain),
      },
      serviceMonitor: { enabled: true },
      ...(sized[size].replicas > 1 ? { podDisruptionBudget: { maxUnavailable: 1 } } : {}),
    }),
    after: (context, release) => [
      drainLoadBalancers(context, release),
      ...(facts.domain === undefined
        ? []
        : guardDashboards(context, release, {
            namespace: charts["aws-load-balancer-controller"].namespace,
            serviceAccount: name,
          })),
    ],
  };
}

/**
 * At destroy: deletes what still has a load balancer (what users deployed, above all) and waits until the
 * controller has taken all of them away. A load balancer that outlives its controller keeps network
 * interfaces and security groups, and the VPC's deletion hangs on them.
 *
 * Whatever makes an Ingress depends on it; it depends on the controller.
 */
function drainLoadBalancers({ target, parent }: PrepareContext, release: pulumi.Resource): pulumi.Resource {
  return drainAtDestroy(
    "drain-load-balancers",
    {
      kubeconfig: target.kubeconfig,
      remove: [
        "delete ingress --all --all-namespaces --wait=false",
        "delete service --all-namespaces --field-selector spec.type=LoadBalancer --wait=false",
      ],
      remaining: [
        "get ingress,targetgroupbinding --all-namespaces -o name",
        "get service --all-namespaces --field-selector spec.type=LoadBalancer -o name",
      ],
      timeoutSeconds: 900,
      hint: "load balancers are still there; see the logs of aws-load-balancer-controller",
    },
    { parent, dependsOn: [release] },
  );
}
