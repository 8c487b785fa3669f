import { describe, expect, it } from "vitest";
import type { OutlineContents } from "../../../tools/charts/outline.ts";
import { recordOutline } from "../../../tools/charts/record.ts";
import { parseRendered, type RenderedObject } from "../../../tools/charts/render.ts";
import { chartSpec, noContents } from "./support.ts";

const spec = chartSpec({ namespace: "home" });

function rendered(...documents: string[]): RenderedObject[] {
  return parseRendered(documents.map((d) => `---\n# Source: tiny/templates/x.yaml\n${d}`).join("\n"));
}

function record(...documents: string[]): OutlineContents {
  const objects = rendered(...documents);
  return recordOutline(spec, { small: objects, production: objects }).sizes.small;
}

const pod = `
      metadata: { labels: { app: web, helm.sh/chart: tiny-1.2.3 } }
      spec:
        serviceAccountName: web
        containers:
          - name: main
            resources: { requests: { cpu: 1, memory: 1Gi }, limits: {} }
            ports: [{ name: http, containerPort: 80, protocol: TCP }]
        volumes: [{ name: a, persistentVolumeClaim: { claimName: data } }, { name: b, emptyDir: {} }]`;

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: home }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:${pod}`;

const job = (name: string, hook: string): string => `
apiVersion: batch/v1
kind: Job
metadata: { name: ${name}, annotations: { helm.sh/hook: "${hook}" } }
spec:
  template:${pod}`;

describe("what an outline records", () => {
  it("of a workload is what the scheduler, services and volumes need of it", () => {
    expect(record(deployment).workloads).toEqual([
      {
        kind: "Deployment",
        name: "web",
        replicas: 2,
        serviceAccount: "web",
        labels: { app: "web" },
        selector: { app: "web" },
        containers: [
          { name: "main", requests: { cpu: "1", memory: "1Gi" }, ports: [{ name: "http", port: 80 }] },
        ],
        mounts: ["data"],
      },
    ]);
  });

  it("keeps zero replicas, and takes one where none are given", () => {
    expect(record(deployment.replace("replicas: 2", "replicas: 0")).workloads[0]?.replicas).toBe(0);
    expect(record(deployment.replace("  replicas: 2\n", "")).workloads[0]?.replicas).toBe(1);
  });

  it("marks hooks, and leaves tests out", () => {
    const { workloads } = record(job("migrate", "pre-install,pre-upgrade"), job("check", "test"));
    expect(workloads.map(({ name, hook }) => [name, hook])).toEqual([["migrate", "pre-install,pre-upgrade"]]);
  });

  it("leaves out the service accounts of hooks, which do not stay", () => {
    const account = (name: string, more = ""): string =>
      `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: ${name}${more} }`;
    const hook = ', annotations: { helm.sh/hook: "pre-install" }';
    const contents = record(account("hook", hook), account("web"), account("runner", ", namespace: away"));
    expect(contents.serviceAccounts).toEqual([{ name: "runner", namespace: "away" }, { name: "web" }]);
  });

  it("of services, claims and ingresses is what others reach them by", () => {
    const contents = record(
      `
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: ClusterIP
  clusterIP: None
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: http, protocol: TCP }, { port: 53, targetPort: 53, protocol: UDP }]`,
      `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 10Gi } } }`,
      `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec:
  ingressClassName: traefik
  rules:
    - host: web.localhost
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] }`,
    );
    expect(contents).toEqual({
      ...noContents,
      services: [
        {
          name: "web",
          headless: true,
          selector: { app: "web" },
          ports: [
            { name: "http", port: 80, targetPort: "http" },
            { port: 53, protocol: "UDP" },
          ],
        },
      ],
      claims: [{ name: "data", storage: "10Gi", accessModes: ["ReadWriteOnce"] }],
      ingresses: [
        {
          name: "web",
          className: "traefik",
          rules: [{ host: "web.localhost", path: "/", service: "web", port: 80 }],
        },
      ],
    });
  });

  it("of CRDs is all but the schema, and whether Helm removes them", () => {
    const crd = (name: string, annotations: string): string => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${name}.example.test, annotations: { ${annotations} } }
spec:
  group: example.test
  scope: Cluster
  names: { kind: Thing, plural: ${name}, singular: thing }
  versions:
    - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: {} }, subresources: { status: {} } }
    - { name: v1beta1, served: false, storage: false }`;
    // Generated CRD files begin with a separator of their own.
    const inFolder = `---\n# Source: tiny/crds/things.yaml\n---${crd("things", "")}`;
    const kept = `---\n# Source: tiny/templates/crds/kept.yaml\n${crd("kept", "helm.sh/resource-policy: keep")}`;
    const objects = parseRendered(`${inFolder}\n${kept}`);
    const { crds } = recordOutline(spec, { small: objects, production: objects });
    const common = {
      group: "example.test",
      kind: "Thing",
      listKind: "ThingList",
      singular: "thing",
      scope: "Cluster",
      versions: [
        { name: "v1", storage: true, statusSubresource: true },
        { name: "v1beta1", retired: true },
      ],
    };
    expect(crds).toEqual([
      { ...common, plural: "kept", from: "templates", kept: true },
      { ...common, plural: "things", from: "crds" },
    ]);
    expect(() => recordOutline(spec, { small: objects, production: [] })).toThrow("differ between sizes");
  });
});

describe("what operators make", () => {
  const operator = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: operator }
spec:
  template:
    spec:
      containers:
        - name: operator
          args: [--config-reloader-cpu-request=5m, --config-reloader-memory-request=0, --config-reloader-cpu-limit=0]`;

  it("of a Prometheus is recorded with its reloader, claim and service", () => {
    const contents = record(
      operator,
      `
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: { name: main }
spec:
  replicas: 2
  portName: http-web
  serviceAccountName: prometheus
  resources: { requests: { cpu: 200m } }
  storage:
    volumeClaimTemplate:
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 5Gi } } }`,
    );
    expect(contents.workloads).toContainEqual(
      expect.objectContaining({
        kind: "StatefulSet",
        name: "prometheus-main",
        replicas: 2,
        createdFor: "Prometheus/main",
        serviceAccount: "prometheus",
        containers: [
          { name: "prometheus", requests: { cpu: "200m" }, ports: [{ name: "http-web", port: 9090 }] },
          {
            name: "config-reloader",
            requests: { cpu: "5m" },
            limits: { memory: "50Mi" },
            ports: [{ name: "reloader-web", port: 8080 }],
          },
        ],
        claimTemplates: [{ name: "prometheus-main-db", storage: "5Gi", accessModes: ["ReadWriteOnce"] }],
      }),
    );
    expect(contents.services.map((s) => s.name)).toEqual(["prometheus-operated"]);
  });

  it("of an Alertmanager asks for memory even where the resource does not", () => {
    const { workloads } = record("kind: Alertmanager\nmetadata: { name: main }\nspec: {}");
    expect(workloads[0]).toMatchObject({
      name: "alertmanager-main",
      containers: [{ requests: { memory: "200Mi" } }, { requests: { cpu: "10m", memory: "50Mi" } }],
    });
  });

  const template = "template: { spec: { containers: [{ name: ray, resources: { requests: { cpu: 1 } } }] } }";
  const cluster = (more: string): string => `
kind: RayCluster
metadata: { name: ray }
spec:
  headGroupSpec: { serviceType: ClusterIP, ${template} }
  workerGroupSpecs: [{ groupName: cpu, replicas: 3, numOfHosts: 2, ${template} }]
  ${more}`;

  it("of a RayCluster is a head, workers that wait for it, and a headless service", () => {
    const contents = record(cluster(""));
    expect(contents.workloads).toMatchObject([
      { kind: "Pod", name: "ray-cpu-worker", replicas: 6, initContainers: [{ name: "wait-gcs-ready" }] },
      { kind: "Pod", name: "ray-head", replicas: 1, containers: [{ name: "ray", requests: { cpu: "1" } }] },
    ]);
    expect(contents.services).toMatchObject([{ name: "ray-head-svc", headless: true }]);
  });

  it("of an autoscaling RayCluster has the autoscaler beside the head", () => {
    const autoscaler = (more: string) =>
      record(cluster(`enableInTreeAutoscaling: true\n  ${more}`)).workloads[1]?.containers[1];
    expect(autoscaler("")).toMatchObject({ name: "autoscaler", requests: { cpu: "500m", memory: "512Mi" } });
    expect(autoscaler("autoscalerOptions: { resources: { requests: { cpu: 50m } } }")?.requests).toEqual({
      cpu: "50m",
    });
  });
});
