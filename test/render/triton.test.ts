import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { charts } from "../../charts.ts";
import { triton } from "../../components/platform/triton.ts";
import { cloud, contexts, gpuOptions } from "../unit/platform/contexts.ts";
import { helm, type Rendered, render as renderChart } from "./helm.ts";

const chart = fileURLToPath(new URL("../../charts/triton", import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: Kubernetes objects of several kinds
type Manifest = any;

const render = (values: object): Rendered => renderChart(chart, charts.triton.namespace, values);

const find = (rendered: Rendered, kind: string): Manifest =>
  rendered.objects.find((object) => object.kind === kind);

const base = { modelRepository: { bucket: "models" } };
const container = (rendered: Rendered): Manifest =>
  find(rendered, "Deployment").spec.template.spec.containers[0];

describe("charts/triton", () => {
  beforeAll(() => {
    helm(["version"]);
  });

  it("has the version of the chart table", () => {
    const { stdout } = helm(["show", "chart", chart]);
    expect(stdout).toContain(`version: ${charts.triton.version}\n`);
  });

  it("is clean for helm lint", () => {
    const { status, stdout } = helm(["lint", "--strict", chart]);
    expect(stdout).not.toContain("[WARNING]");
    expect(status, stdout).toBe(0);
  });

  it.each(Object.entries(contexts))("renders the platform's values for %s", (_name, context) => {
    const rendered = render(triton.values(context));
    expect(rendered.error).toBe("");
    expect(rendered.objects.map((object) => object.kind).sort()).toEqual([
      "Deployment",
      "PodDisruptionBudget",
      "Service",
      "ServiceAccount",
      "ServiceMonitor",
    ]);
    for (const object of rendered.objects) expect(object.metadata.namespace).toBe(charts.triton.namespace);
  });

  it("starts without a model, under explicit control", () => {
    const { args } = container(render(base));
    expect(args).toContain("--model-control-mode=explicit");
    expect(args.filter((argument: string) => argument.startsWith("--load-model"))).toEqual([]);
  });

  it.each([
    [{ bucket: "models" }, "s3://models"],
    [{ bucket: "models", prefix: "a/b" }, "s3://models/a/b"],
    [{ bucket: "models", prefix: "a", endpoint: "http://minio:9000" }, "s3://http://minio:9000/models/a"],
    [{ bucket: "models", endpoint: "https://s3.example.com" }, "s3://https://s3.example.com/models"],
  ])("reads %o from %s", (modelRepository, address) => {
    expect(container(render({ modelRepository })).args).toContain(`--model-repository=${address}`);
  });

  it("takes keys from a Secret only when one is named", () => {
    const names = (rendered: Rendered): string[] =>
      container(rendered).env.map((variable: { name: string }) => variable.name);
    expect(names(render(base))).toEqual(["AWS_DEFAULT_REGION"]);
    const withSecret = render({ modelRepository: { bucket: "models", existingSecret: "object-store" } });
    expect(names(withSecret)).toEqual(["AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    expect(container(withSecret).env[1].valueFrom.secretKeyRef).toEqual({
      name: "object-store",
      key: "AWS_ACCESS_KEY_ID",
    });
  });

  it("asks for GPUs as request and limit alike, on the nodes of their class", () => {
    const rendered = render(triton.values({ target: cloud, size: "production", options: gpuOptions }));
    const { resources } = container(rendered);
    expect(resources.requests["nvidia.com/gpu"]).toBe("1");
    expect(resources.limits["nvidia.com/gpu"]).toBe("1");
    const pod = find(rendered, "Deployment").spec.template.spec;
    expect(pod.nodeSelector).toEqual(cloud.accelerators.t4.nodeSelector);
    expect(pod.tolerations).toEqual(cloud.accelerators.t4.tolerations);
    expect(find(rendered, "Deployment").spec.replicas).toBe(0);
  });

  it("asks for none on CPU", () => {
    expect(JSON.stringify(container(render(base)).resources)).not.toContain("gpu");
  });

  it("passes the restricted Pod Security level and mounts no token", () => {
    const pod = find(render(base), "Deployment").spec.template.spec;
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(pod.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("has a startup, a liveness and a readiness probe of Triton's own health API", () => {
    const { startupProbe, livenessProbe, readinessProbe } = container(
      render({ ...base, startupSeconds: 600 }),
    );
    expect(startupProbe.httpGet.path).toBe("/v2/health/live");
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBe(600);
    expect(livenessProbe.httpGet.path).toBe("/v2/health/live");
    expect(readinessProbe.httpGet.path).toBe("/v2/health/ready");
  });

  it("stops answering before Kubernetes stops it", () => {
    const rendered = render({ ...base, terminationGracePeriodSeconds: 90 });
    expect(container(rendered).args).toContain("--exit-timeout-secs=80");
    expect(find(rendered, "Deployment").spec.template.spec.terminationGracePeriodSeconds).toBe(90);
  });

  it("leaves the number of servers to the autoscaler where there is one", () => {
    const rendered = render({ ...base, autoscaling: { enabled: true, maxReplicas: 3 } });
    expect(find(rendered, "Deployment").spec).not.toHaveProperty("replicas");
    expect(find(rendered, "HorizontalPodAutoscaler").spec).toMatchObject({ minReplicas: 1, maxReplicas: 3 });
  });

  it.each([
    ["an unknown key", { ...base, replica: 2 }, "replica"],
    ["a floating tag", { ...base, image: { tag: "latest" } }, "tag"],
    ["a bucket with a slash", { modelRepository: { bucket: "models/x" } }, "bucket"],
    [
      "an endpoint without scheme",
      { modelRepository: { bucket: "models", endpoint: "minio:9000" } },
      "endpoint",
    ],
    ["a negative number of servers", { ...base, replicas: -1 }, "replicas"],
    ["part of a GPU", { ...base, gpus: 0.5 }, "gpus"],
    ["resources without limits", { ...base, resources: { limits: null } }, "limits"],
  ])("refuses %s by name", (_what, values, key) => {
    const { ok, error } = render(values);
    expect(ok).toBe(false);
    expect(error).toContain(key);
  });
});
