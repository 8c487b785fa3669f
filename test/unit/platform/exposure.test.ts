import { describe, expect, it } from "vitest";
import type { PlatformChartName } from "../../../charts.ts";
import { systems } from "../../../components/platform/systems.ts";
import { embedded, leaves, valuesOf } from "./contexts.ts";

/** Where each chart's values name the host of each service. */
const hosts: readonly [PlatformChartName, string, (values: ReturnType<typeof valuesOf>) => unknown][] = [
  ["kube-prometheus-stack", "grafana", (v) => v.grafana.ingress],
  ["kube-prometheus-stack", "prometheus", (v) => v.prometheus.ingress],
  ["argo-cd", "argocd", (v) => v.server.ingress],
  ["argo-workflows", "workflows", (v) => v.server.ingress],
  ["minio", "minio", (v) => v.consoleIngress],
  ["minio", "s3", (v) => v.ingress],
  ["mlflow", "mlflow", (v) => v.ingress],
];

describe("Ingress", () => {
  it.each(hosts)("%s exposes %s under its own host and class", (chart, name, at) => {
    const ingress = at(valuesOf(chart)) as Record<string, unknown>;
    expect(ingress.enabled).toBe(true);
    expect(ingress.ingressClassName ?? ingress.className).toBe("traefik");
    expect(JSON.stringify(ingress)).toContain(`"${name}.localhost"`);
  });

  it.each(hosts)("%s does not expose %s where the target has no Ingress", (chart, _name, at) => {
    expect(at(valuesOf(chart, { target: embedded }))).toBeUndefined();
  });

  it("covers every service that is said to be reachable", () => {
    const viaValues = hosts.map(([, name]) => name);
    const services = Object.values(systems).flatMap((system) => (system.services ?? []).map((s) => s.name));
    // Ray's chart has no Ingress; its own is made after the release.
    expect([...viaValues, "ray"].sort()).toEqual(services.sort());
  });

  it("never exposes the model servers, whose ports also load and unload models", () => {
    for (const chart of ["triton", "vllm-stack"] as const) {
      expect(systems[chart].services).toBeUndefined();
      expect(leaves(valuesOf(chart)).filter(([path]) => path.includes("ingress"))).toEqual([]);
    }
  });
});
