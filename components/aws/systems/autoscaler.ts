import { charts } from "../../../charts.ts";
import { resources } from "../../platform/values.ts";
import type { Size } from "../../target.ts";
import { roleAnnotation } from "../roleAnnotation.ts";
import type { AwsFacts, AwsSystem } from "./facts.ts";

const requests = {
  small: resources({ cpu: "50m", memory: "192Mi" }, { cpu: "500m", memory: "512Mi" }),
  production: resources({ cpu: "100m", memory: "384Mi" }, { cpu: "1", memory: "768Mi" }),
} as const satisfies Record<Size, unknown>;

/** Adds nodes for pods that do not fit, and takes away those that nobody needs: GPU nodes above all. */
export function clusterAutoscaler(facts: AwsFacts): AwsSystem {
  const { name, roleArn } = facts.accounts.autoscaler;
  return {
    chart: "cluster-autoscaler",
    values: ({ size }) => ({
      fullnameOverride: "cluster-autoscaler",
      cloudProvider: "aws",
      awsRegion: facts.region,
      autoDiscovery: { clusterName: facts.clusterName },
      // It simulates the scheduler, so its minor version is the cluster's.
      image: { tag: `v${facts.kubernetesVersion}.0` },
      rbac: { serviceAccount: { create: true, name, annotations: roleAnnotation(roleArn) } },
      extraArgs: {
        "balance-similar-node-groups": true,
        expander: "least-waste",
        // Pods with an emptyDir move too; otherwise almost no node would ever go.
        "skip-nodes-with-local-storage": false,
        "skip-nodes-with-system-pods": false,
        // A GPU node costs as much in ten minutes as all else in twenty.
        "scale-down-unneeded-time": "5m",
        "scale-down-delay-after-add": "5m",
        "ignore-daemonsets-utilization": true,
      },
      containerSecurityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65534,
        fsGroup: 65534,
        seccompProfile: { type: "RuntimeDefault" },
      },
      resources: requests[size],
      serviceMonitor: {
        enabled: true,
        namespace: charts["cluster-autoscaler"].namespace,
        selector: {},
      },
    }),
  };
}
