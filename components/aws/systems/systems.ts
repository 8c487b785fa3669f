import type { ChartName } from "../../../charts.ts";
import { clusterAutoscaler } from "./autoscaler.ts";
import { certManager, externalDns } from "./domain.ts";
import { externalSecrets } from "./externalSecrets.ts";
import type { AwsFacts, AwsSystem } from "./facts.ts";
import { dcgmExporter, devicePlugin } from "./gpu.ts";
import { loadBalancerController } from "./loadBalancers.ts";

/** The systems that only AWS needs, of those whose charts the stack installs. */
export function awsSystems(facts: AwsFacts, charts: readonly ChartName[]): AwsSystem[] {
  const all = [
    loadBalancerController(facts),
    clusterAutoscaler(facts),
    externalSecrets(facts),
    devicePlugin,
    dcgmExporter,
    ...(facts.domain === undefined
      ? []
      : [externalDns(facts, facts.domain), certManager(facts, facts.domain)]),
  ];
  return all.filter(({ chart }) => charts.includes(chart));
}
