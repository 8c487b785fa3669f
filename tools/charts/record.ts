import type { ChartSpec } from "../../charts.ts";
import { type Size, sizes } from "../../components/target.ts";
import { operatorChildren } from "./children.ts";
import type {
  Outline,
  OutlineContents,
  OutlineCrd,
  OutlineIngress,
  OutlineService,
  OutlineWorkload,
} from "./outline.ts";
import {
  type ClaimSource,
  outlineClaim,
  outlinePod,
  type PodSource,
  present,
  withoutPackaging,
} from "./podTemplate.ts";
import type { KubernetesObject, RenderedObject } from "./render.ts";

/**
 * The outline of a chart, from what it renders with our values for each size.
 *
 * @throws Error when CRDs depend on the size: outlines have one list of them.
 */
export function recordOutline(
  chart: Pick<ChartSpec, "chart" | "version" | "namespace">,
  rendered: Readonly<Record<Size, readonly RenderedObject[]>>,
): Outline {
  const crds = sizes.map((size) => crdsOf(rendered[size]));
  if (crds.some((list) => JSON.stringify(list) !== JSON.stringify(crds[0]))) {
    throw new Error(`${chart.chart}: its CRDs differ between sizes`);
  }
  return {
    chart: chart.chart,
    version: chart.version,
    crds: crds[0] ?? [],
    sizes: Object.fromEntries(
      sizes.map((size) => [
        size,
        contentsOf(rendered[size].map((r) => withoutNamespace(r.object, chart.namespace))),
      ]),
    ) as Record<Size, OutlineContents>,
  };
}

/** Outlines name a namespace only where it is not the release's own. */
function withoutNamespace(object: KubernetesObject, namespace: string): KubernetesObject {
  if (object.metadata.namespace !== namespace) return object;
  const { namespace: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function contentsOf(all: readonly KubernetesObject[]): OutlineContents {
  const objects = all.filter((o) => !hookOf(o)?.includes("test"));
  const permanent = objects.filter((o) => hookOf(o) === undefined);
  const ofKind = (kind: string): KubernetesObject[] => permanent.filter((o) => o.kind === kind);
  const children = operatorChildren(permanent);
  return {
    workloads: byName([...objects.flatMap(workloadOf), ...children.workloads]),
    services: byName([...ofKind("Service").map(serviceOf), ...children.services]),
    claims: byName(
      ofKind("PersistentVolumeClaim").map((o) => outlineClaim(o as unknown as ClaimSource, o.metadata.name)),
    ),
    ingresses: byName(ofKind("Ingress").map(ingressOf)),
    serviceAccounts: byName(
      ofKind("ServiceAccount").map(({ metadata: { name, namespace } }) => ({
        name,
        ...present("namespace", namespace),
      })),
    ),
  };
}

function byName<T extends { readonly name: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function hookOf(object: KubernetesObject): string | undefined {
  return object.metadata.annotations?.["helm.sh/hook"];
}

interface WorkloadLike {
  readonly spec: {
    readonly replicas?: number;
    readonly parallelism?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: PodSource;
    readonly jobTemplate?: { readonly spec: { readonly template: PodSource } };
    readonly volumeClaimTemplates?: readonly ClaimSource[];
  };
}

function workloadOf(object: KubernetesObject): OutlineWorkload[] {
  const kind = workloadKinds.find((k) => k === object.kind);
  if (kind === undefined) return [];
  const source = object as unknown as WorkloadLike;
  const { spec } = source;
  const template =
    kind === "Pod" ? (object as unknown as PodSource) : (spec.jobTemplate?.spec.template ?? spec.template);
  if (template === undefined) return [];
  const claims = (spec.volumeClaimTemplates ?? []).map((c) => outlineClaim(c, c.metadata?.name ?? "data"));
  return [
    {
      kind,
      name: object.metadata.name,
      ...present("namespace", object.metadata.namespace),
      replicas: spec.replicas ?? spec.parallelism ?? 1,
      ...present("hook", hookOf(object)),
      ...outlinePod(template),
      ...present("selector", withoutPackaging(spec.selector?.matchLabels)),
      ...present("claimTemplates", claims.length > 0 ? claims : undefined),
    },
  ];
}

const workloadKinds: readonly OutlineWorkload["kind"][] = [
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "Job",
  "CronJob",
  "Pod",
];

interface ServiceLike {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort?: number | string;
      readonly protocol?: string;
    }[];
  };
}

function serviceOf(object: KubernetesObject): OutlineService {
  const { spec } = object as unknown as ServiceLike;
  return {
    name: object.metadata.name,
    ...present("namespace", object.metadata.namespace),
    ...present("type", spec.type === "ClusterIP" ? undefined : spec.type),
    ...present("headless", spec.clusterIP === "None" ? (true as const) : undefined),
    ...present("selector", withoutPackaging(spec.selector)),
    ports: (spec.ports ?? []).map(({ name, port, targetPort, protocol }) => ({
      ...present("name", name),
      port,
      ...present("targetPort", targetPort === port ? undefined : targetPort),
      ...present("protocol", protocol === "TCP" ? undefined : protocol),
    })),
  };
}

interface IngressLike {
  readonly spec: {
    readonly ingressClassName?: string;
    readonly rules?: readonly {
      readonly host?: string;
      readonly http: {
        readonly paths: readonly {
          readonly path?: string;
          readonly backend: {
            readonly service: {
              readonly name: string;
              readonly port: { readonly name?: string; readonly number?: number };
            };
          };
        }[];
      };
    }[];
  };
}

function ingressOf(object: KubernetesObject): OutlineIngress {
  const { spec } = object as unknown as IngressLike;
  return {
    name: object.metadata.name,
    ...present("className", spec.ingressClassName),
    rules: (spec.rules ?? []).flatMap(({ host, http }) =>
      http.paths.map(({ path, backend }) => ({
        ...present("host", host),
        path: path ?? "/",
        service: backend.service.name,
        port: backend.service.port.number ?? backend.service.port.name ?? 80,
      })),
    ),
  };
}

interface CrdLike {
  readonly spec: {
    readonly group: string;
    readonly scope: OutlineCrd["scope"];
    readonly names: Pick<OutlineCrd, "kind" | "plural" | "singular" | "shortNames" | "categories"> & {
      readonly listKind?: string;
    };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly subresources?: { readonly status?: object };
    }[];
  };
}

function crdsOf(rendered: readonly RenderedObject[]): OutlineCrd[] {
  const crds = rendered.filter(({ object }) => object.kind === "CustomResourceDefinition").map(crdOf);
  return crds.sort((a, b) => (`${a.group}/${a.plural}` < `${b.group}/${b.plural}` ? -1 : 1));
}

function crdOf({ source, object }: RenderedObject): OutlineCrd {
  const { group, scope, names, versions } = (object as unknown as CrdLike).spec;
  const kept = object.metadata.annotations?.["helm.sh/resource-policy"] === "keep";
  return {
    group,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    ...present("singular", names.singular),
    ...present("shortNames", names.shortNames),
    ...present("categories", names.categories),
    scope,
    from: source.includes("/crds/") && !source.includes("/templates/") ? "crds" : "templates",
    ...present("kept", kept ? (true as const) : undefined),
    versions: versions.map((version) => ({
      name: version.name,
      ...present("storage", version.storage ? (true as const) : undefined),
      ...present("retired", version.served ? undefined : (true as const)),
      ...present("statusSubresource", version.subresources?.status ? (true as const) : undefined),
    })),
  };
}
