import { describe, expect, it } from "vitest";
import { platformDashboard } from "../../../components/platform/dashboard.ts";
import { embedded, valuesOf } from "./contexts.ts";

describe("kube-prometheus-stack", () => {
  const values = valuesOf("kube-prometheus-stack");

  it("takes its CRDs from the chart that is installed before it", () => {
    expect(values.crds).toEqual({ enabled: false });
  });

  it("watches every monitor, not only those labelled with its release", () => {
    expect(values.prometheus.prometheusSpec).toMatchObject({
      serviceMonitorSelectorNilUsesHelmValues: false,
      podMonitorSelectorNilUsesHelmValues: false,
      probeSelectorNilUsesHelmValues: false,
      ruleSelectorNilUsesHelmValues: false,
      scrapeConfigSelectorNilUsesHelmValues: false,
    });
  });

  it("leaves out what k3s and EKS do not show", () => {
    for (const part of ["kubeControllerManager", "kubeScheduler", "kubeProxy", "kubeEtcd"]) {
      expect(values[part]).toEqual({ enabled: false });
    }
  });

  it("takes Grafana's password from a Secret and runs no test pods", () => {
    expect(values.grafana.admin).toEqual({
      existingSecret: "grafana-admin",
      userKey: "admin-user",
      passwordKey: "admin-password",
    });
    expect(values.grafana.testFramework).toEqual({ enabled: false });
  });

  it("keeps metrics on a volume of the target's class", () => {
    const { spec } = valuesOf("kube-prometheus-stack", { target: embedded }).prometheus.prometheusSpec
      .storageSpec.volumeClaimTemplate;
    expect(spec).toEqual({
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "6Gi" } },
      storageClassName: "standard",
    });
    expect(values.prometheus.prometheusSpec.storageSpec.volumeClaimTemplate.spec).not.toHaveProperty(
      "storageClassName",
    );
  });

  it("keeps more, twice, in production", () => {
    const production = valuesOf("kube-prometheus-stack", { size: "production" });
    expect(production.prometheus.prometheusSpec).toMatchObject({ retention: "15d", retentionSize: "40GB" });
    expect(production.alertmanager.alertmanagerSpec.replicas).toBe(2);
  });
});

describe("monitors", () => {
  it.each([
    ["argo-cd", (v: ReturnType<typeof valuesOf>) => v.controller.metrics.serviceMonitor.enabled],
    ["argo-workflows", (v: ReturnType<typeof valuesOf>) => v.controller.serviceMonitor.enabled],
    ["minio", (v: ReturnType<typeof valuesOf>) => v.metrics.serviceMonitor.enabled],
    ["mlflow", (v: ReturnType<typeof valuesOf>) => v.serviceMonitor.enabled],
    ["kuberay-operator", (v: ReturnType<typeof valuesOf>) => v.metrics.serviceMonitor.enabled],
    ["triton", (v: ReturnType<typeof valuesOf>) => v.serviceMonitor.enabled],
    ["vllm-stack", (v: ReturnType<typeof valuesOf>) => v.servingEngineSpec.serviceMonitor.enabled],
  ] as const)("%s has one", (chart, enabled) => {
    expect(enabled(valuesOf(chart))).toBe(true);
  });
});

describe("the platform's dashboard", () => {
  it("places two panels a row, each with a query", () => {
    const { panels } = platformDashboard() as {
      panels: { gridPos: { x: number; y: number; w: number; h: number }; targets: { expr: string }[] }[];
    };
    const places = panels.map(({ gridPos }) => `${gridPos.x},${gridPos.y}`);
    expect(new Set(places).size).toBe(panels.length);
    for (const panel of panels) {
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
      expect(panel.targets[0]?.expr).toBeTruthy();
    }
  });
});
