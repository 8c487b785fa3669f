import { describe, expect, it } from "vitest";
import { gatewayObjects, type PlainObject } from "../../../components/platform/gatewayObjects.ts";
import type { ValuesContext } from "../../../components/platform/system.ts";
import { createContext } from "../../../policy/context.ts";
import { blocks, check } from "../../../policy/rules/evaluate.ts";
import { contexts, keys, leaves } from "./contexts.ts";

const objectsOf = (context: ValuesContext): PlainObject[] =>
  gatewayObjects({ ...context, image: "registry:5000/serving:0.1.0" });
// biome-ignore lint/suspicious/noExplicitAny: objects of many kinds
const find = (objects: PlainObject[], kind: string, name: string): any =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);
const container = (objects: PlainObject[], name: string) =>
  find(objects, "Deployment", name).spec.template.spec.containers[0];
const env = (objects: PlainObject[], name: string): Record<string, string> =>
  Object.fromEntries(
    container(objects, name).env.map((one: { name: string; value: string }) => [one.name, one.value]),
  );

describe.each(Object.entries(contexts))("gateway and reconciler on %s", (_, context) => {
  const objects = objectsOf(context);

  it("pass every policy", () => {
    const policies = createContext({ registries: { own: ["registry:5000"] } });
    const findings = objects.flatMap((object) => check("kubernetes", object, policies));
    expect(findings.filter(blocks)).toEqual([]);
  });

  it("run as nobody, with limits, and without a token of the API server", () => {
    for (const name of ["gateway", "reconciler"]) {
      const { spec } = find(objects, "Deployment", name).spec.template;
      expect(spec.automountServiceAccountToken).toBe(false);
      expect(spec.securityContext.runAsNonRoot).toBe(true);
      const { securityContext, resources } = container(objects, name);
      expect(securityContext).toMatchObject({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
      });
      expect(Object.keys(resources.limits)).toEqual(["cpu", "memory"]);
    }
  });

  it("hold no key", () => {
    const texts = leaves(objects).map(([, value]) => String(value));
    for (const key of Object.values(keys)) expect(texts.filter((text) => text.includes(key))).toEqual([]);
  });

  it("select the pods that they name, and find replicas by headless Services", () => {
    for (const object of objects) {
      if (object.kind !== "Service") continue;
      const spec = object.spec as { selector: object; clusterIP?: string };
      expect(spec.clusterIP === "None", object.metadata.name).toBe(
        object.metadata.name.endsWith("-replicas"),
      );
    }
    for (const name of ["gateway", "reconciler"]) {
      const { selector, template } = find(objects, "Deployment", name).spec;
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      expect(template.metadata.labels).toMatchObject(find(objects, "Service", name).spec.selector);
    }
    const urls = env(objects, "reconciler");
    const named = Object.values(urls).flatMap((value) => /^dns\+http:\/\/([^.]+)/.exec(value)?.[1] ?? []);
    expect(named.length).toBeGreaterThanOrEqual(2);
    for (const service of named) expect(find(objects, "Service", service), service).toBeDefined();
  });

  it("are scraped by Services that exist", () => {
    for (const object of objects) {
      if (object.kind !== "ServiceMonitor") continue;
      const { selector, endpoints } = object.spec as {
        selector: { matchLabels: Record<string, string> };
        endpoints: { port: string }[];
      };
      const services = objects.filter(
        (other) => other.kind === "Service" && matches(other.metadata.labels, selector.matchLabels),
      );
      expect(services).toHaveLength(1);
      const ports = (
        find(objects, "Service", services[0]?.metadata.name ?? "").spec as { ports: { name: string }[] }
      ).ports.map(({ name }) => name);
      for (const { port } of endpoints) expect(ports).toContain(port);
    }
  });
});

describe("gateway and reconciler", () => {
  const [k3d, cloud] = [contexts["k3d, small"], contexts["cloud with GPUs, production"]] as ValuesContext[];

  it("get the object store's keys by Secret, or by a role and no endpoint", () => {
    if (k3d === undefined || cloud === undefined) throw new Error("contexts were renamed");
    expect(container(objectsOf(k3d), "gateway").envFrom).toHaveLength(1);
    expect(env(objectsOf(k3d), "gateway").AWS_ENDPOINT_URL_S3).toMatch(/^http/);
    const objects = objectsOf(cloud);
    expect(container(objects, "gateway").envFrom).toBeUndefined();
    expect(env(objects, "gateway")).toMatchObject({ MLOPS_BUCKET_MODEL_REGISTRY: "models-x1" });
    expect(env(objects, "gateway").AWS_ENDPOINT_URL_S3).toBeUndefined();
    expect(find(objects, "ServiceAccount", "gateway").metadata.annotations).toEqual({
      role: "serving/gateway",
    });
  });

  it("know vLLM where there is one", () => {
    if (k3d === undefined) throw new Error("contexts were renamed");
    const { llm: _none, ...options } = k3d.options;
    const without = objectsOf({ ...k3d, options });
    expect(env(objectsOf(k3d), "gateway").MLOPS_VLLM_URLS).toContain("vllm-replicas");
    expect(env(without, "gateway").MLOPS_VLLM_URLS).toBeUndefined();
    expect(find(without, "Service", "vllm-replicas")).toBeUndefined();
  });

  it("are one gateway and one reconciler, or more gateways where there is load", () => {
    if (k3d === undefined || cloud === undefined) throw new Error("contexts were renamed");
    const counts = (context: ValuesContext): number[] =>
      ["gateway", "reconciler"].map((name) => find(objectsOf(context), "Deployment", name).spec.replicas);
    expect(counts(k3d)).toEqual([1, 1]);
    expect(counts(cloud)).toEqual([2, 1]);
  });
});

function matches(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
