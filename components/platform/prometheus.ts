import * as k8s from "@pulumi/kubernetes";
import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { platformDashboard } from "./dashboard.ts";
import { generatedPassword, objectOptions, opaqueSecret } from "./secret.ts";
import type { System, ValuesContext } from "./system.ts";
import { hostOf, ingressAnnotations, resources } from "./values.ts";

/** The custom resources of Prometheus' operator, as a chart of their own so that upgrades reach them. */
export const prometheusOperatorCrds: System = {
  chart: "prometheus-operator-crds",
  values: () => ({}),
};

const { namespace } = charts["kube-prometheus-stack"];
const adminSecret = "grafana-admin";

const sized = {
  small: {
    operator: resources({ cpu: "25m", memory: "96Mi" }, { cpu: "500m", memory: "192Mi" }),
    reloader: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "100m", memory: "64Mi" }),
    prometheus: resources({ cpu: "250m", memory: "640Mi" }, { cpu: "1", memory: "1536Mi" }),
    alertmanager: resources({ cpu: "10m", memory: "48Mi" }, { cpu: "200m", memory: "128Mi" }),
    grafana: resources({ cpu: "50m", memory: "192Mi" }, { cpu: "1", memory: "512Mi" }),
    grafanaSidecar: resources({ cpu: "10m", memory: "80Mi" }, { cpu: "200m", memory: "160Mi" }),
    stateMetrics: resources({ cpu: "10m", memory: "64Mi" }, { cpu: "200m", memory: "192Mi" }),
    nodeExporter: resources({ cpu: "10m", memory: "24Mi" }, { cpu: "250m", memory: "96Mi" }),
  },
  production: {
    operator: resources({ cpu: "100m", memory: "128Mi" }, { cpu: "500m", memory: "256Mi" }),
    reloader: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "100m", memory: "64Mi" }),
    prometheus: resources({ cpu: "500m", memory: "3Gi" }, { cpu: "2", memory: "6Gi" }),
    alertmanager: resources({ cpu: "25m", memory: "96Mi" }, { cpu: "200m", memory: "256Mi" }),
    grafana: resources({ cpu: "100m", memory: "256Mi" }, { cpu: "1", memory: "768Mi" }),
    grafanaSidecar: resources({ cpu: "25m", memory: "96Mi" }, { cpu: "200m", memory: "256Mi" }),
    stateMetrics: resources({ cpu: "50m", memory: "128Mi" }, { cpu: "500m", memory: "512Mi" }),
    nodeExporter: resources({ cpu: "25m", memory: "32Mi" }, { cpu: "250m", memory: "128Mi" }),
  },
} as const satisfies Record<Size, unknown>;

/** How long metrics are kept, and the volume that holds them (less the head and the write-ahead log). */
const retention = {
  small: { retention: "3d", retentionSize: "4GB", volume: "6Gi", alertmanagerReplicas: 1 },
  production: { retention: "15d", retentionSize: "40GB", volume: "50Gi", alertmanagerReplicas: 2 },
} as const satisfies Record<Size, unknown>;

function volumeClaim(storage: string, storageClass: string | undefined): object {
  return {
    volumeClaimTemplate: {
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage } },
        ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      },
    },
  };
}

function ingress(context: ValuesContext, service: string): object {
  const host = hostOf(context.target, service);
  if (host === undefined) return {};
  return {
    ingress: {
      enabled: true,
      ingressClassName: context.target.ingress?.className,
      ...ingressAnnotations(context.target),
      hosts: [host],
      ...(service === "grafana" ? { path: "/" } : { paths: ["/"], pathType: "Prefix" }),
    },
  };
}

function values(context: ValuesContext): Record<string, unknown> {
  const { target, size } = context;
  const wants = sized[size];
  const keeps = retention[size];
  return {
    crds: { enabled: false },
    // On k3s these are one process without endpoints of their own, on EKS they are AWS's.
    kubeControllerManager: { enabled: false },
    kubeScheduler: { enabled: false },
    kubeProxy: { enabled: false },
    kubeEtcd: { enabled: false },
    prometheusOperator: {
      // The webhook checks rules at admission; it costs two hook Jobs at every install and, when its
      // pod is away, blocks every PrometheusRule.
      admissionWebhooks: { enabled: false },
      tls: { enabled: false },
      resources: wants.operator,
      prometheusConfigReloader: { resources: wants.reloader },
    },
    prometheus: {
      ...ingress(context, "prometheus"),
      prometheusSpec: {
        // Every ServiceMonitor counts, not only those labelled with this release's name.
        serviceMonitorSelectorNilUsesHelmValues: false,
        podMonitorSelectorNilUsesHelmValues: false,
        probeSelectorNilUsesHelmValues: false,
        ruleSelectorNilUsesHelmValues: false,
        scrapeConfigSelectorNilUsesHelmValues: false,
        retention: keeps.retention,
        retentionSize: keeps.retentionSize,
        resources: wants.prometheus,
        storageSpec: volumeClaim(keeps.volume, target.storageClass),
      },
    },
    alertmanager: {
      // Alertmanager talks to its peers and to receivers, never to the Kubernetes API.
      serviceAccount: { automountServiceAccountToken: false },
      alertmanagerSpec: {
        automountServiceAccountToken: false,
        replicas: keeps.alertmanagerReplicas,
        resources: wants.alertmanager,
      },
    },
    grafana: {
      ...ingress(context, "grafana"),
      admin: { existingSecret: adminSecret, userKey: "admin-user", passwordKey: "admin-password" },
      resources: wants.grafana,
      sidecar: { resources: wants.grafanaSidecar },
      testFramework: { enabled: false },
      "grafana.ini": {
        analytics: { check_for_updates: false, check_for_plugin_updates: false, reporting_enabled: false },
      },
    },
    "kube-state-metrics": { resources: wants.stateMetrics },
    "prometheus-node-exporter": { resources: wants.nodeExporter },
  };
}

/**
 * Prometheus, Alertmanager, Grafana, node and state metrics.
 *
 * Its namespace needs the `privileged` Pod Security level: the node exporter uses the host's network,
 * process ids and file system. Grafana keeps nothing: dashboards and data sources are provisioned.
 */
export const prometheus: System = {
  chart: "kube-prometheus-stack",
  // The operator makes it so that kubelets can be scraped.
  leftBehind: [{ namespace: "kube-system", object: "service/kube-prometheus-stack-kubelet" }],
  values,
  prepare: (context) => {
    const password = generatedPassword("grafana-admin-password", context.parent);
    const secret = opaqueSecret("grafana-admin", context, {
      namespace,
      secretName: adminSecret,
      stringData: { "admin-user": "admin", "admin-password": password.result },
    });
    const dashboard = new k8s.core.v1.ConfigMap(
      "grafana-dashboard-platform",
      {
        metadata: {
          name: "grafana-dashboard-platform",
          namespace,
          labels: { grafana_dashboard: "1" },
        },
        data: { "platform.json": JSON.stringify(platformDashboard()) },
      },
      objectOptions(context),
    );
    return {
      resources: [secret, dashboard],
      credentials: { username: "admin", password: password.result },
    };
  },
  services: [
    { name: "grafana", namespace, service: "kube-prometheus-stack-grafana", port: 80 },
    { name: "prometheus", namespace, service: "kube-prometheus-stack-prometheus", port: 9090 },
  ],
  endpoints: {
    prometheus: `http://kube-prometheus-stack-prometheus.${namespace}.svc.cluster.local:9090`,
  },
};
