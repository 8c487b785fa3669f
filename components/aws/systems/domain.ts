import * as k8s from "@pulumi/kubernetes";
import { resources } from "../../platform/values.ts";
import { roleAnnotation } from "../roleAnnotation.ts";
import type { AwsFacts, AwsSystem, ExposedDomain } from "./facts.ts";
import { ingressClass } from "./login.ts";

const small = resources({ cpu: "10m", memory: "64Mi" }, { cpu: "200m", memory: "256Mi" });

/** Keeps the zone's records of what the cluster exposes, and no other record of it. */
export function externalDns(facts: AwsFacts, domain: ExposedDomain): AwsSystem {
  const { name, roleArn } = domain.accounts.dns;
  return {
    chart: "external-dns",
    values: () => ({
      provider: { name: "aws" },
      env: [{ name: "AWS_DEFAULT_REGION", value: facts.region }],
      serviceAccount: { create: true, name, annotations: roleAnnotation(roleArn) },
      sources: ["ingress"],
      domainFilters: [domain.name],
      // Records that it did not make, as its TXT records say, it leaves alone.
      policy: "sync",
      registry: "txt",
      txtOwnerId: facts.clusterName,
      extraArgs: [`--zone-id-filter=${domain.hostedZoneId}`, `--ingress-class=${ingressClass}`],
      resources: small,
      serviceMonitor: { enabled: true },
    }),
  };
}

/** Name of the issuer that certificates inside the cluster ask. */
export const certificateIssuer = "letsencrypt";

/**
 * Certificates for what speaks TLS itself, such as gRPC behind a network load balancer. The dashboards do not
 * need it: their load balancer has a certificate of AWS.
 */
export function certManager(facts: AwsFacts, domain: ExposedDomain): AwsSystem {
  const { name, roleArn } = domain.accounts.certificates;
  return {
    chart: "cert-manager",
    values: () => ({
      crds: { enabled: true, keep: false },
      serviceAccount: { create: true, name, annotations: roleAnnotation(roleArn) },
      resources: small,
      webhook: { resources: small },
      cainjector: { resources: small },
      // A Job that waits for the webhook; the release waits for it already.
      startupapicheck: { enabled: false },
      prometheus: { servicemonitor: { enabled: true } },
    }),
    after: ({ parent, target }, release) => [
      new k8s.apiextensions.CustomResource(
        "letsencrypt",
        {
          apiVersion: "cert-manager.io/v1",
          kind: "ClusterIssuer",
          metadata: { name: certificateIssuer },
          spec: {
            acme: {
              server: "https://acme-v02.api.letsencrypt.org/directory",
              email: domain.owner,
              privateKeySecretRef: { name: `${certificateIssuer}-account` },
              solvers: [
                {
                  selector: { dnsZones: [domain.name] },
                  dns01: { route53: { region: facts.region, hostedZoneID: domain.hostedZoneId } },
                },
              ],
            },
          },
        },
        { parent, provider: target.provider, dependsOn: [release] },
      ),
    ],
  };
}
