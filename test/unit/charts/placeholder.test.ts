import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Outline, OutlineContents, OutlineWorkload } from "../../../tools/charts/outline.ts";
import { placeholderChart } from "../../../tools/charts/placeholder.ts";
import { outlineWith } from "./support.ts";

const deployment: OutlineWorkload = {
  kind: "Deployment",
  name: "server",
  replicas: 2,
  serviceAccount: "server",
  labels: { app: "server", tier: "web" },
  selector: { app: "server" },
  containers: [
    {
      name: "main",
      requests: { cpu: "100m" },
      limits: { memory: "1Gi" },
      ports: [{ name: "http", port: 80 }],
    },
  ],
  mounts: ["data"],
};

const crd: Outline["crds"][number] = {
  group: "example.test",
  kind: "Thing",
  listKind: "ThingList",
  plural: "things",
  scope: "Namespaced",
  from: "crds",
  versions: [
    { name: "v1", storage: true, statusSubresource: true },
    { name: "v1alpha1", retired: true },
  ],
};

interface Manifest {
  kind: string;
  metadata: { name: string; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
}

function manifests(outline: Outline, file: string): Manifest[] {
  const text = placeholderChart(outline, "small").files.get(file)?.toString() ?? "";
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function only(contents: Partial<OutlineContents>): Manifest {
  const [manifest, ...others] = manifests(outlineWith(contents), "templates/workloads.yaml");
  expect(others).toEqual([]);
  if (manifest === undefined) throw new Error("nothing was made");
  return manifest;
}

interface PodSpec {
  serviceAccountName?: string;
  securityContext: object;
  containers: { image: string; securityContext: object; resources: object; ports: object[] }[];
  volumes?: object[];
}

function podSpecOf(manifest: Manifest): PodSpec {
  return (manifest.spec.template as { spec: PodSpec }).spec;
}

describe("a placeholder's workload", () => {
  it("keeps name, replicas, labels, resources, ports and claims", () => {
    const made = only({ workloads: [deployment] });
    expect(made).toMatchObject({
      kind: "Deployment",
      metadata: { name: "server" },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: "server" } },
        template: { metadata: { labels: deployment.labels } },
      },
    });
    expect(podSpecOf(made)).toMatchObject({
      serviceAccountName: "server",
      volumes: [{ persistentVolumeClaim: { claimName: "data" } }],
      containers: [
        {
          name: "main",
          resources: { requests: { cpu: "100m" }, limits: { memory: "1Gi" } },
          ports: [{ name: "http", containerPort: 80 }],
        },
      ],
    });
  });

  it("only waits, and satisfies Pod Security restricted", () => {
    const spec = podSpecOf(only({ workloads: [deployment] }));
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    for (const container of spec.containers) {
      expect(container.image).toContain("/pause:");
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
      });
    }
  });

  it("that an operator would keep alive becomes a Deployment", () => {
    expect(only({ workloads: [{ ...deployment, kind: "Pod" }] }).kind).toBe("Deployment");
  });

  it("of a StatefulSet has its claims, of a DaemonSet no replicas", () => {
    const claimTemplates = [{ name: "db", storage: "8Gi", accessModes: ["ReadWriteOnce"] }];
    const set = only({ workloads: [{ ...deployment, kind: "StatefulSet", claimTemplates }] });
    expect(set.spec.volumeClaimTemplates).toEqual([
      {
        metadata: { name: "db" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "8Gi" } } },
      },
    ]);
    expect(only({ workloads: [{ ...deployment, kind: "DaemonSet" }] }).spec).not.toHaveProperty("replicas");
  });

  it("of a hook is a hook, and needs no service account that is not there yet", () => {
    const hook = only({ workloads: [{ ...deployment, kind: "Job", hook: "pre-install" }] });
    expect(hook.metadata.annotations).toMatchObject({ "helm.sh/hook": "pre-install" });
    expect(podSpecOf(hook)).not.toHaveProperty("serviceAccountName");
  });
});

describe("a placeholder", () => {
  it("has services, ingresses, claims and service accounts under their names", () => {
    const made = manifests(
      outlineWith({
        services: [{ name: "web", headless: true, selector: { app: "server" }, ports: [{ port: 80 }] }],
        ingresses: [{ name: "web", rules: [{ host: "a.test", path: "/", service: "web", port: "http" }] }],
        claims: [{ name: "data", storage: "1Gi", accessModes: ["ReadWriteOnce"], storageClass: "fast" }],
        serviceAccounts: [{ name: "server" }, { name: "runner", namespace: "elsewhere" }],
      }),
      "templates/workloads.yaml",
    );
    expect(made).toMatchObject([
      { kind: "ServiceAccount", metadata: { name: "server" } },
      { kind: "ServiceAccount", metadata: { name: "runner", namespace: "elsewhere" } },
      { kind: "PersistentVolumeClaim", spec: { storageClassName: "fast" } },
      { kind: "Service", spec: { clusterIP: "None", selector: { app: "server" }, ports: [{ port: 80 }] } },
      {
        kind: "Ingress",
        spec: {
          rules: [
            {
              host: "a.test",
              http: { paths: [{ backend: { service: { name: "web", port: { name: "http" } } } }] },
            },
          ],
        },
      },
    ]);
  });

  it("defines CRDs where the real chart does, open to any field", () => {
    const outline = outlineWith(
      {},
      { crds: [crd, { ...crd, plural: "others", from: "templates", kept: true }] },
    );
    expect(manifests(outline, "crds/crds.yaml")).toMatchObject([
      {
        metadata: { name: "things.example.test" },
        spec: {
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              subresources: { status: {} },
              schema: { openAPIV3Schema: { "x-kubernetes-preserve-unknown-fields": true } },
            },
            { name: "v1alpha1", served: false, storage: false },
          ],
        },
      },
    ]);
    expect(manifests(outline, "templates/crds.yaml")).toMatchObject([
      {
        metadata: { name: "others.example.test", annotations: { "helm.sh/resource-policy": "keep" } },
      },
    ]);
  });

  it("says in its Chart.yaml what it stands for", () => {
    const { files, version } = placeholderChart(outlineWith({}), "small");
    const chartYaml = files.get("Chart.yaml")?.toString() ?? "";
    expect(JSON.parse(chartYaml)).toMatchObject({ name: "tiny", version });
    expect(chartYaml).toMatch(/Placeholder of tiny 1\.2\.3 at size small/);
  });

  it("has a version that changes with its content only, and is a valid one", () => {
    const versionOf = (outline: Outline): string => placeholderChart(outline, "small").version;
    const plain = outlineWith({ workloads: [deployment] });
    expect(versionOf(plain)).toBe(versionOf(structuredClone(plain)));
    expect(versionOf(outlineWith({ workloads: [{ ...deployment, replicas: 3 }] }))).not.toBe(
      versionOf(plain),
    );
    expect(versionOf({ ...plain, version: "1.0.0-rc.1+build" })).toMatch(/^1\.0\.0-rc\.1\.outline\.h\w{8}$/);
  });

  it("prints braces that Helm would take for a template", () => {
    const text = placeholderChart(
      outlineWith({ workloads: [{ ...deployment, labels: { note: "{{ .Values.x }}" } }] }),
      "small",
    ).files.get("templates/workloads.yaml");
    expect(text?.toString()).toContain('{{ "{{" }} .Values.x }}');
  });
});
