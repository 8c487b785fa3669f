import type { Size } from "../../components/target.ts";
import type { ChartFiles } from "./archive.ts";
import { hashOf } from "./files.ts";
import {
  crdName,
  type Outline,
  type OutlineClaim,
  type OutlineContainer,
  type OutlineContents,
  type OutlineCrd,
  type OutlineIngress,
  type OutlineService,
  type OutlineWorkload,
} from "./outline.ts";

const PAUSE_IMAGE = "registry.k8s.io/pause:3.10";

type Manifest = Readonly<Record<string, unknown>>;

/**
 * A Helm chart that stands in for the one an outline was recorded of: the same workloads, services,
 * claims, service accounts and CRDs under the same names, with containers that only wait. It
 * accepts any values and uses none. Meant for nodes that run no container.
 *
 * @returns its files and its version, which changes with the content and can never be a real one's.
 */
export function placeholderChart(outline: Outline, size: Size): { files: ChartFiles; version: string } {
  const contents = outline.sizes[size];
  const inTemplates = outline.crds.filter((crd) => crd.from === "templates");
  const inCrds = outline.crds.filter((crd) => crd.from === "crds");
  const files = new Map([
    ["templates/crds.yaml", template(inTemplates.map(customResourceDefinition))],
    ["templates/workloads.yaml", template(manifestsOf(contents))],
  ]);
  if (inCrds.length > 0) files.set("crds/crds.yaml", documents(inCrds.map(customResourceDefinition)));
  const buffers = new Map([...files].map(([path, text]) => [path, Buffer.from(text)]));
  const version = placeholderVersion(outline.version, hashOf(buffers));
  const chartYaml = {
    apiVersion: "v2",
    name: outline.chart,
    version,
    description: `Placeholder of ${outline.chart} ${outline.version} at size ${size}: its containers only wait`,
  };
  return { version, files: buffers.set("Chart.yaml", Buffer.from(`${JSON.stringify(chartYaml)}\n`)) };
}

/** The letter keeps SemVer from reading a hash of digits as a number, which may not start with 0. */
function placeholderVersion(version: string, hash: string): string {
  const [withoutBuild = ""] = version.split("+");
  return `${withoutBuild}${withoutBuild.includes("-") ? "." : "-"}outline.h${hash.slice(0, 8)}`;
}

/** JSON is YAML; braces that Helm would take for a template are written as one that prints them. */
function template(manifests: readonly Manifest[]): string {
  return documents(manifests).replaceAll("{{", '{{ "{{" }}');
}

function documents(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `${JSON.stringify(manifest)}\n`).join("---\n");
}

function manifestsOf(contents: OutlineContents): Manifest[] {
  return [
    ...contents.serviceAccounts.map((account) => ({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: metadata(account),
    })),
    ...contents.claims.map((claim) => ({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      ...claimBody(claim),
    })),
    ...contents.services.map(serviceManifest),
    ...contents.ingresses.map(ingressManifest),
    ...contents.workloads.map(workloadManifest),
  ];
}

function claimBody(claim: OutlineClaim): Manifest {
  return {
    metadata: { name: claim.name },
    spec: {
      accessModes: claim.accessModes,
      resources: { requests: { storage: claim.storage } },
      ...(claim.storageClass === undefined ? {} : { storageClassName: claim.storageClass }),
    },
  };
}

function serviceManifest(service: OutlineService): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(service),
    spec: {
      type: service.type ?? "ClusterIP",
      ...(service.headless ? { clusterIP: "None" } : {}),
      ...(service.selector === undefined ? {} : { selector: service.selector }),
      ports: service.ports,
    },
  };
}

function ingressManifest(ingress: OutlineIngress): Manifest {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: ingress.name },
    spec: {
      ...(ingress.className === undefined ? {} : { ingressClassName: ingress.className }),
      rules: ingress.rules.map(({ host, path, service, port }) => ({
        ...(host === undefined ? {} : { host }),
        http: {
          paths: [
            { path, pathType: "Prefix", backend: { service: { name: service, port: backendPort(port) } } },
          ],
        },
      })),
    },
  };
}

function backendPort(port: number | string): Manifest {
  return typeof port === "number" ? { number: port } : { name: port };
}

function metadata(object: { readonly name: string; readonly namespace?: string | undefined }): Manifest {
  return { name: object.name, ...(object.namespace === undefined ? {} : { namespace: object.namespace }) };
}

function workloadManifest(workload: OutlineWorkload): Manifest {
  const labels = { ...workload.labels, ...workload.selector };
  const pod = { metadata: { labels }, spec: podSpec(workload) };
  switch (workload.kind) {
    case "Job":
      return { apiVersion: "batch/v1", kind: "Job", metadata: jobMetadata(workload), spec: jobSpec(pod) };
    case "CronJob":
      return {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: metadata(workload),
        // The recorded schedule would only start pods that do nothing.
        spec: { schedule: "@yearly", suspend: true, jobTemplate: { spec: jobSpec(pod) } },
      };
    default:
      return controller(workload, pod, labels);
  }
}

function jobMetadata(workload: OutlineWorkload): Manifest {
  if (workload.hook === undefined) return metadata(workload);
  const annotations = {
    "helm.sh/hook": workload.hook,
    "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
  };
  return { ...metadata(workload), annotations };
}

function jobSpec(pod: { readonly spec: Manifest }): Manifest {
  return { template: { ...pod, spec: { ...pod.spec, restartPolicy: "Never" } } };
}

/** Pods that an operator keeps alive by itself become a Deployment's here: nobody else would. */
function controller(workload: OutlineWorkload, pod: Manifest, labels: Manifest): Manifest {
  const kind = workload.kind === "Pod" ? "Deployment" : workload.kind;
  const ofStatefulSet = {
    serviceName: workload.name,
    volumeClaimTemplates: (workload.claimTemplates ?? []).map(claimBody),
  };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: metadata(workload),
    spec: {
      ...(kind === "DaemonSet" ? {} : { replicas: workload.replicas }),
      selector: { matchLabels: workload.selector ?? labels },
      ...(kind === "StatefulSet" ? ofStatefulSet : {}),
      template: pod,
    },
  };
}

function podSpec(workload: OutlineWorkload): Manifest {
  const volumes = (workload.mounts ?? []).map((claimName, index) => ({
    name: `claim-${index}`,
    persistentVolumeClaim: { claimName },
  }));
  return {
    // A hook before the install runs when the release's own service accounts are not there yet.
    ...(workload.serviceAccount === undefined || workload.hook !== undefined
      ? {}
      : { serviceAccountName: workload.serviceAccount }),
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65535, seccompProfile: { type: "RuntimeDefault" } },
    ...(workload.nodeSelector === undefined ? {} : { nodeSelector: workload.nodeSelector }),
    ...(workload.nodeTerms === undefined ? {} : { affinity: requiredNodes(workload.nodeTerms) }),
    ...(workload.tolerations === undefined ? {} : { tolerations: workload.tolerations }),
    ...(workload.initContainers === undefined
      ? {}
      : { initContainers: workload.initContainers.map(waitingContainer) }),
    containers: workload.containers.map(waitingContainer),
    ...(volumes.length === 0 ? {} : { volumes }),
  };
}

function requiredNodes(nodeSelectorTerms: NonNullable<OutlineWorkload["nodeTerms"]>): Manifest {
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

/** A container that satisfies the Pod Security level `restricted`. */
function waitingContainer(container: OutlineContainer): Manifest {
  return {
    name: container.name,
    image: PAUSE_IMAGE,
    ...(container.restartPolicy === undefined ? {} : { restartPolicy: container.restartPolicy }),
    resources: { requests: container.requests ?? {}, limits: container.limits ?? {} },
    ports: (container.ports ?? []).map(({ port, name, protocol }) => ({
      containerPort: port,
      name,
      protocol,
    })),
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  };
}

function customResourceDefinition(crd: OutlineCrd): Manifest {
  const { group, plural, singular, kind, listKind, shortNames, categories, scope } = crd;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: crdName(crd),
      ...(crd.kept ? { annotations: { "helm.sh/resource-policy": "keep" } } : {}),
    },
    spec: {
      group,
      scope,
      names: { plural, singular, kind, listKind, shortNames, categories },
      versions: crd.versions.map((version) => ({
        name: version.name,
        served: !version.retired,
        storage: version.storage ?? false,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        ...(version.statusSubresource ? { subresources: { status: {} } } : {}),
      })),
    },
  };
}
