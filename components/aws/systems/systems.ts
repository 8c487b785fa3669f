import { clusterAutoscaler } from "./autoscaler.ts";
import { certManager, externalDns } from "./domain.ts";
import { externalSecrets } from "./externalSecrets.ts";
import type { AwsChartName, AwsFacts, AwsSystem } from "./facts.ts";
import { dcgmExporter, devicePlugin } from "./gpu.ts";
import { loadBalancerController } from "./loadBalancers.ts";

/** The systems that only AWS needs, by chart. */
export function awsSystems(facts: AwsFacts): Partial<Record<AwsChartName, AwsSystem>> {
  return {
    "aws-load-balancer-controller": loadBalancerController(facts),
    "cluster-autoscaler": clusterAutoscaler(facts),
    "external-secrets": externalSecrets(facts),
    "nvidia-device-plugin": devicePlugin,
    "dcgm-exporter": dcgmExporter,
    ...(facts.domain === undefined
      ? {}
      : {
          "external-dns": externalDns(facts, facts.domain),
          "cert-manager": certManager(facts, facts.domain),
        }),
  };
}
