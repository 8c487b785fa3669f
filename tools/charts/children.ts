import type { OutlineContainer, OutlineService, OutlineWorkload } from "./outline.ts";
import {
  type ClaimSource,
  type ContainerSource,
  outlineClaim,
  outlineContainer,
  outlinePod,
  type PodSource,
  present,
} from "./podTemplate.ts";
import type { KubernetesObject } from "./render.ts";

/** What an operator makes for one custom resource. */
export interface Children {
  readonly workloads: readonly OutlineWorkload[];
  readonly services: readonly OutlineService[];
}

const NONE: Children = { workloads: [], services: [] };

/**
 * What the operators of the platform make of a chart's objects, by hand from their sources:
 * prometheus-operator 0.93 (pkg/prometheus/server and pkg/alertmanager, statefulset.go) and KubeRay 1.6.2
 * (ray-operator/controllers/ray/common, pod.go and service.go).
 */
export function operatorChildren(objects: readonly KubernetesObject[]): Children {
  const all = objects.map((object) => {
    switch (object.kind) {
      case "Prometheus":
        return prometheus(object as PrometheusLike, configReloader(objects));
      case "Alertmanager":
        return alertmanager(object as PrometheusLike, configReloader(objects));
      case "RayCluster":
        return rayCluster(object as RayClusterLike);
      default:
        return NONE;
    }
  });
  return {
    workloads: all.flatMap((c) => c.workloads),
    services: all.flatMap((c) => c.services),
  };
}

interface PrometheusLike extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly portName?: string;
    readonly serviceAccountName?: string;
    readonly resources?: ContainerSource["resources"];
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: PodSource["spec"]["tolerations"];
    readonly storage?: { readonly volumeClaimTemplate?: ClaimSource };
    readonly containers?: readonly ContainerSource[];
  };
}

/** The container that the operator adds to each pod takes its resources from the operator's flags. */
function configReloader(objects: readonly KubernetesObject[]): Omit<OutlineContainer, "name" | "ports"> {
  const operators = objects.filter((o) => o.kind === "Deployment").map((o) => JSON.stringify(o));
  const flag = (name: string, byDefault: string): string =>
    operators
      .map((o) => new RegExp(`--config-reloader-${name}=([^"]+)"`).exec(o)?.[1])
      .find((value) => value !== undefined) ?? byDefault;
  const resources = (kind: "request" | "limit"): Record<string, string> => {
    const given = { cpu: flag(`cpu-${kind}`, "10m"), memory: flag(`memory-${kind}`, "50Mi") };
    return Object.fromEntries(Object.entries(given).filter(([, quantity]) => quantity !== "0"));
  };
  const { requests, limits } = outlineContainer({
    name: "",
    resources: { requests: resources("request"), limits: resources("limit") },
  });
  return { ...present("requests", requests), ...present("limits", limits) };
}

function prometheus(object: PrometheusLike, reloader: Omit<OutlineContainer, "name" | "ports">): Children {
  const port = { name: object.spec.portName ?? "web", port: 9090 };
  const main = { name: "prometheus", ...present("resources", object.spec.resources) };
  return operated(object, "prometheus", main, [port], reloader);
}

function alertmanager(object: PrometheusLike, reloader: Omit<OutlineContainer, "name" | "ports">): Children {
  const ports = [
    { name: object.spec.portName ?? "web", port: 9093 },
    { name: "mesh-tcp", port: 9094 },
    { name: "mesh-udp", port: 9094, protocol: "UDP" },
  ];
  const requests = { memory: "200Mi", ...object.spec.resources?.requests };
  const main = { name: "alertmanager", resources: { ...object.spec.resources, requests } };
  return operated(object, "alertmanager", main, ports, reloader);
}

/** The StatefulSet and headless service that prometheus-operator makes. */
function operated(
  object: PrometheusLike,
  application: "prometheus" | "alertmanager",
  main: ContainerSource,
  ports: OutlineService["ports"],
  reloader: Omit<OutlineContainer, "name" | "ports">,
): Children {
  const { spec, metadata } = object;
  const name = `${application}-${metadata.name}`;
  const selector = { "app.kubernetes.io/name": application, "app.kubernetes.io/instance": metadata.name };
  const template = spec.storage?.volumeClaimTemplate;
  const claim = template && outlineClaim(template, template.metadata?.name ?? `${name}-db`);
  const { containers, ...pod } = outlinePod({
    spec: {
      ...present("serviceAccountName", spec.serviceAccountName),
      ...present("nodeSelector", spec.nodeSelector),
      ...present("tolerations", spec.tolerations),
      containers: [main],
    },
  });
  const createdFor = `${object.kind}/${metadata.name}`;
  const workload: OutlineWorkload = {
    kind: "StatefulSet",
    name,
    replicas: spec.replicas ?? 1,
    createdFor,
    ...pod,
    labels: { ...selector, [application]: metadata.name },
    selector,
    initContainers: [
      { name: "init-config-reloader", ...reloader, ports: [{ name: "reloader-init", port: 8081 }] },
    ],
    containers: [
      ...containers.map((c) => ({ ...c, ports })),
      { name: "config-reloader", ...reloader, ports: [{ name: "reloader-web", port: 8080 }] },
    ],
    ...present("claimTemplates", claim && [claim]),
  };
  const service: OutlineService = {
    name: `${application}-operated`,
    createdFor,
    headless: true,
    selector: { "app.kubernetes.io/name": application },
    ports,
  };
  return { workloads: [workload], services: [service] };
}

interface RayClusterLike extends KubernetesObject {
  readonly spec: {
    readonly enableInTreeAutoscaling?: boolean;
    readonly autoscalerOptions?: { readonly resources?: ContainerSource["resources"] };
    readonly headGroupSpec: { readonly serviceType?: string; readonly template: PodSource };
    readonly workerGroupSpecs?: readonly {
      readonly groupName: string;
      readonly replicas?: number;
      readonly minReplicas?: number;
      readonly numOfHosts?: number;
      readonly suspend?: boolean;
      readonly template: PodSource;
    }[];
  };
}

const RAY_PORTS = [
  { name: "client", port: 10001 },
  { name: "dashboard", port: 8265 },
  { name: "gcs-server", port: 6379 },
  { name: "metrics", port: 8080 },
  { name: "serve", port: 8000 },
];

function rayCluster(object: RayClusterLike): Children {
  const { spec, metadata } = object;
  const createdFor = `RayCluster/${metadata.name}`;
  const labels = (group: string, type: string): Record<string, string> => ({
    "app.kubernetes.io/created-by": "kuberay-operator",
    "app.kubernetes.io/name": "kuberay",
    "ray.io/cluster": metadata.name,
    "ray.io/group": group,
    "ray.io/node-type": type,
  });
  const pods = (name: string, replicas: number, template: PodSource, identity: Record<string, string>) => {
    const pod = outlinePod(template);
    return {
      kind: "Pod" as const,
      name,
      replicas,
      createdFor,
      ...pod,
      labels: { ...pod.labels, ...identity },
      selector: identity,
    };
  };

  const headIdentity = labels("headgroup", "head");
  const head = pods(`${metadata.name}-head`, 1, spec.headGroupSpec.template, headIdentity);
  const autoscaler = outlineContainer({
    name: "autoscaler",
    resources: spec.autoscalerOptions?.resources ?? ofContainer("500m", "512Mi"),
  });
  const workers = (spec.workerGroupSpecs ?? []).map((group) => {
    const replicas = group.suspend ? 0 : (group.replicas ?? group.minReplicas ?? 0);
    const worker = pods(
      `${metadata.name}-${group.groupName}-worker`,
      replicas * (group.numOfHosts ?? 1),
      group.template,
      labels(group.groupName, "worker"),
    );
    const wait = outlineContainer({ name: "wait-gcs-ready", resources: ofContainer("200m", "256Mi") });
    return { ...worker, initContainers: [...(worker.initContainers ?? []), wait] };
  });
  return {
    workloads: [
      { ...head, containers: [...head.containers, ...(spec.enableInTreeAutoscaling ? [autoscaler] : [])] },
      ...workers,
    ],
    services: [
      {
        name: `${metadata.name}-head-svc`,
        createdFor,
        ...headService(spec.headGroupSpec.serviceType),
        selector: headIdentity,
        ports: RAY_PORTS,
      },
    ],
  };
}

function ofContainer(cpu: string, memory: string): NonNullable<ContainerSource["resources"]> {
  return { requests: { cpu, memory }, limits: { cpu, memory } };
}

function headService(type: string | undefined): Pick<OutlineService, "type" | "headless"> {
  return type === undefined || type === "ClusterIP" ? { headless: true } : { type };
}
