import { describe, expect, it } from "vitest";
import { charts } from "../../../charts.ts";
import {
  limitRangeSpec,
  namespaceLabels,
  podSecurityLevel,
  quotaSpec,
  type Team,
} from "../../../components/tenancy/limits.ts";
import { allWorkloads, identityOf } from "../../../components/tenancy/workloads.ts";
import { cloud } from "../platform/contexts.ts";

const team: Team = { name: "team-a", gpus: 2, cpu: "8", memory: "16Gi" };

describe("quotaSpec", () => {
  it("gives a team its share of CPU, memory and GPUs, and no way around it", () => {
    expect(quotaSpec(team).hard).toEqual({
      "requests.cpu": "8",
      "requests.memory": "16Gi",
      "limits.memory": "16Gi",
      "requests.nvidia.com/gpu": "2",
      pods: "100",
      persistentvolumeclaims: "20",
      "services.loadbalancers": "0",
      "services.nodeports": "0",
    });
  });

  it("forbids GPUs to a team without any", () => {
    expect(quotaSpec({ ...team, gpus: 0 }).hard["requests.nvidia.com/gpu"]).toBe("0");
  });
});

describe("limitRangeSpec", () => {
  it("never names GPUs: a maximum would become every container's request", () => {
    for (const spec of [limitRangeSpec(team), limitRangeSpec(undefined)]) {
      expect(JSON.stringify(spec)).not.toContain("gpu");
    }
  });

  it("gives a default for whatever it limits", () => {
    const [limits] = limitRangeSpec(team).limits;
    expect(limits?.max).toEqual({ cpu: "8", memory: "16Gi" });
    expect(Object.keys(limits?.default ?? {}).sort()).toEqual(Object.keys(limits?.max ?? {}).sort());
    expect(limits?.defaultRequest).toEqual({ cpu: "100m", memory: "128Mi" });
  });

  it("gives a small team no default above its share, which Kubernetes refuses", () => {
    const [limits] = limitRangeSpec({ ...team, cpu: "50m", memory: "64Mi" }).limits;
    expect(limits).toMatchObject({
      default: { cpu: "50m", memory: "64Mi" },
      defaultRequest: { cpu: "50m", memory: "64Mi" },
      max: { cpu: "50m", memory: "64Mi" },
    });
    const [between] = limitRangeSpec({ ...team, memory: "512Mi" }).limits;
    expect(between).toMatchObject({ default: { memory: "512Mi" }, defaultRequest: { memory: "128Mi" } });
  });
});

describe("Pod Security", () => {
  it("is privileged only where pods use the node", () => {
    const levels = Object.values(charts).map((spec) => [
      spec.namespace,
      podSecurityLevel(spec.namespace, []),
    ]);
    expect(Object.fromEntries(levels)).toEqual({
      "aws-controllers": "restricted",
      "cert-manager": "restricted",
      "external-secrets": "restricted",
      monitoring: "privileged",
      "gpu-operator": "privileged",
      argocd: "restricted",
      argo: "restricted",
      minio: "restricted",
      mlflow: "restricted",
      ray: "restricted",
      serving: "restricted",
    });
  });

  it("lets teams bring images that run as root, and warns them", () => {
    expect(namespaceLabels("team-a", ["team-a"])).toMatchObject({
      "mlops.dev/team": "team-a",
      "pod-security.kubernetes.io/enforce": "baseline",
      "pod-security.kubernetes.io/warn": "restricted",
    });
    expect(namespaceLabels("pipelines", ["team-a"])).not.toHaveProperty(["mlops.dev/team"]);
    expect(podSecurityLevel("pipelines", ["team-a"])).toBe("restricted");
  });
});

describe("workloads", () => {
  const workloads = allWorkloads(["team-a"]);

  it("lets only the deployment steps write models", () => {
    const writers = workloads.filter(({ grants }) =>
      grants.some(({ bucket, access }) => bucket === "modelRegistry" && access === "readWrite"),
    );
    expect(writers.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`)).toEqual([
      "pipelines/deployment",
    ]);
  });

  it("lets nobody write data sets", () => {
    const datasets = workloads.flatMap(({ grants }) => grants.filter(({ bucket }) => bucket === "datasets"));
    expect(datasets.length).toBeGreaterThan(0);
    for (const { access } of datasets) expect(access).toBe("read");
  });

  it("asks the target for each identity by namespace and service account", () => {
    const roles = workloads.map((workload) => identityOf(cloud, workload).annotations.role);
    expect(roles).toContain("team-a/training");
    expect(new Set(roles).size).toBe(workloads.length);
  });
});
