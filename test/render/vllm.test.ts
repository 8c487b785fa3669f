/** The real vllm-stack chart with our values: it has no place for a sidecar, so what we make of it is looked at. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { charts } from "../../charts.ts";
import { vllm } from "../../components/platform/vllm.ts";
import { createContext } from "../../policy/context.ts";
import { blocks, check } from "../../policy/rules/evaluate.ts";
import { findInFolder } from "../../tools/charts/chartsFolder.ts";
import { renderChart } from "../../tools/charts/render.ts";
import { projectRoot } from "../../tools/lib/paths.ts";
import { contexts } from "../unit/platform/contexts.ts";

const chartsDir = resolve(projectRoot, process.env.MLOPS_CHARTS_DIR ?? ".mlops/charts");
const found = existsSync(chartsDir) ? findInFolder(chartsDir, charts["vllm-stack"]) : undefined;
const chart = found !== undefined && "chart" in found ? found.chart.path : "";
const { namespace } = charts["vllm-stack"];
// biome-ignore lint/suspicious/noExplicitAny: Kubernetes objects of several kinds
type Manifest = any;

describe.skipIf(chart === "").each(Object.entries(contexts))("vllm-stack on %s", (_, context) => {
  const render = async (servingTag?: string): Promise<Manifest[]> => {
    const options = { ...context.options, ...(servingTag === undefined ? {} : { servingTag }) };
    const values = vllm.values({ ...context, options });
    const rendered = await renderChart({
      chart,
      release: "vllm-stack",
      namespace,
      values,
      withoutSchemas: true,
    });
    return rendered.map(({ object }) => object);
  };
  const engine = (objects: readonly Manifest[]): Manifest =>
    objects.find(({ kind, metadata }) => kind === "Deployment" && metadata.name.includes("llm-deployment"))
      .spec.template.spec;

  it("runs what downloads adapters as a sidecar that shares a folder with the engine", async () => {
    const pod = engine(await render("0.1.0"));
    expect(pod.initContainers).toHaveLength(1);
    const [sidecar] = pod.initContainers;
    expect(sidecar).toMatchObject({
      name: "adapters",
      restartPolicy: "Always",
      command: ["node", "/app/apps/gateway/main.ts", "adapters"],
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      volumeMounts: [{ name: "adapters", mountPath: "/adapters" }],
    });
    expect(sidecar.image).toMatch(/\/serving:0\.1\.0$/);
    expect(Object.keys(sidecar.resources.limits)).toEqual(["cpu", "memory"]);
    const [main] = pod.containers;
    expect(main.volumeMounts).toContainEqual({ name: "adapters", mountPath: "/adapters", readOnly: true });
    expect(pod.volumes).toContainEqual({ name: "adapters", emptyDir: { sizeLimit: "4Gi" } });
  });

  it("serves the base under its exact name, guarded", async () => {
    const [main] = engine(await render("0.1.0")).containers;
    const after = (flag: string): string => main.command[main.command.indexOf(flag) + 1];
    expect(after("--served-model-name")).toBe(`${context.options.llm?.model}@main`);
    expect(after("--revision")).toBe("main");
    expect(after("--middleware")).toBe("mlops_guard.Guard");
    const token = main.env.find(({ name }: { name: string }) => name === "MLOPS_VLLM_ADMIN_TOKEN");
    expect(token.valueFrom.secretKeyRef).toEqual({ name: "vllm-admin", key: "MLOPS_VLLM_ADMIN_TOKEN" });
  });

  it("has a router that the guard's list was made for, and that does not know the admin's word", async () => {
    const objects = await render("0.1.0");
    const [main] = engine(objects).containers;
    // The router would ask such an engine whether it sleeps.
    expect(main.command).not.toContain("--enable-sleep-mode");
    const deployment = objects.find(({ metadata }) => metadata.name === "vllm-stack-deployment-router");
    const [router] = deployment.spec.template.spec.containers;
    const after = (flag: string): string => router.args[router.args.indexOf(flag) + 1];
    expect(router.image).toMatch(/:v0\.1\.12$/);
    expect(after("--service-discovery")).toBe("k8s");
    expect(after("--k8s-service-discovery-type")).toBe("pod-ip");
    expect(after("--routing-logic")).toBe("roundrobin");
    const names = router.env.map(({ name }: { name: string }) => name);
    expect(names).not.toContain("MLOPS_VLLM_ADMIN_TOKEN");
    expect(names).not.toContain("VLLM_API_KEY");
  });

  it("has no sidecar while its image was not pushed yet", async () => {
    expect(engine(await render())).not.toHaveProperty("initContainers");
  });

  it("passes the policies", async () => {
    const own = ["registry:5000", "registry"];
    const policies = createContext({ registries: { own }, systemNamespaces: [namespace] });
    const findings = (await render("0.1.0")).flatMap((object) => {
      const placed = { ...object, metadata: { namespace, ...object.metadata } };
      return check("kubernetes", placed, policies);
    });
    // GPUs of the platform's own servers are excepted in policy/exceptions.yaml.
    expect(findings.filter(blocks).filter(({ rule }) => rule !== "gpu-namespace-quota")).toEqual([]);
  });
});
