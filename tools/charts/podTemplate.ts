import type { OutlineClaim, OutlineContainer, OutlineWorkload } from "./outline.ts";

/** The parts of Kubernetes' pod, service and claim types that outlines record. */
export interface ContainerSource {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string | number>> | null;
    readonly limits?: Readonly<Record<string, string | number>> | null;
  } | null;
  readonly ports?:
    | readonly {
        readonly name?: string;
        readonly containerPort: number;
        readonly protocol?: string;
      }[]
    | null;
}

export interface PodSource {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } | null;
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly nodeSelector?: Readonly<Record<string, string>> | null;
    readonly affinity?: {
      readonly nodeAffinity?: {
        readonly requiredDuringSchedulingIgnoredDuringExecution?: {
          readonly nodeSelectorTerms: NonNullable<OutlineWorkload["nodeTerms"]>;
        };
      };
    } | null;
    readonly tolerations?: OutlineWorkload["tolerations"] | null;
    readonly initContainers?: readonly ContainerSource[] | null;
    readonly containers: readonly ContainerSource[];
    readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[] | null;
  };
}

export interface ClaimSource {
  readonly metadata?: { readonly name?: string } | null;
  readonly spec: {
    readonly accessModes?: readonly string[] | null;
    readonly storageClassName?: string;
    readonly resources: { readonly requests: { readonly storage: string | number } };
  };
}

/** Labels that only say who packed the chart: they change with every version and select nothing. */
const PACKAGING_LABELS = [
  "helm.sh/chart",
  "app.kubernetes.io/version",
  "app.kubernetes.io/managed-by",
  "chart",
  "heritage",
];

type OfPod = Omit<OutlineWorkload, "kind" | "name" | "replicas">;

/** What an outline records of a pod template. */
export function outlinePod(pod: PodSource): OfPod {
  const { spec } = pod;
  const mounts = (spec.volumes ?? []).flatMap((v) => v.persistentVolumeClaim?.claimName ?? []);
  return {
    ...present("serviceAccount", spec.serviceAccountName),
    ...present("labels", withoutPackaging(pod.metadata?.labels)),
    ...present("nodeSelector", nonEmpty(spec.nodeSelector)),
    ...present(
      "nodeTerms",
      spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
    ),
    ...present("tolerations", nonEmptyList(spec.tolerations)),
    ...present("initContainers", nonEmptyList((spec.initContainers ?? []).map(outlineContainer))),
    containers: spec.containers.map(outlineContainer),
    ...present("mounts", nonEmptyList(mounts)),
  };
}

/** What an outline records of a container. */
export function outlineContainer(container: ContainerSource): OutlineContainer {
  const ports = (container.ports ?? []).map(({ name, containerPort, protocol }) => ({
    ...present("name", name),
    port: containerPort,
    ...present("protocol", protocol === "TCP" ? undefined : protocol),
  }));
  return {
    name: container.name,
    ...present("requests", quantities(container.resources?.requests)),
    ...present("limits", quantities(container.resources?.limits)),
    ...present("ports", nonEmptyList(ports)),
    ...present("restartPolicy", container.restartPolicy),
  };
}

/** What an outline records of a PersistentVolumeClaim or a template of one. */
export function outlineClaim(claim: ClaimSource, name: string): OutlineClaim {
  return {
    name,
    storage: String(claim.spec.resources.requests.storage),
    accessModes: [...(claim.spec.accessModes ?? ["ReadWriteOnce"])],
    ...present("storageClass", claim.spec.storageClassName),
  };
}

/** `{ [key]: value }`, or nothing when there is no value: outlines leave out what is absent. */
export function present<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value });
}

/** Labels without the ones that change with every version of a chart. */
export function withoutPackaging(
  labels: Readonly<Record<string, string>> | null | undefined,
): Record<string, string> | undefined {
  const kept = Object.entries(labels ?? {}).filter(([key]) => !PACKAGING_LABELS.includes(key));
  return nonEmpty(Object.fromEntries(kept.map(([key, value]) => [key, String(value)])));
}

function quantities(
  map: Readonly<Record<string, string | number>> | null | undefined,
): Record<string, string> | undefined {
  return nonEmpty(Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, String(value)])));
}

function nonEmpty<T extends object>(map: T | null | undefined): T | undefined {
  return map && Object.keys(map).length > 0 ? map : undefined;
}

function nonEmptyList<T>(list: readonly T[] | null | undefined): T[] | undefined {
  return list && list.length > 0 ? [...list] : undefined;
}
