import { join } from "node:path";
import { z } from "zod";
import { type Size, sizes } from "../../components/target.ts";
import { readIfThere } from "./files.ts";

/** Resource name to Kubernetes quantity, e.g. `{ "cpu": "100m", "memory": "128Mi" }`. */
const quantities = z.record(z.string(), z.string());
const labels = z.record(z.string(), z.string());

const port = z.strictObject({
  name: z.string().optional(),
  port: z.int(),
  /** Services only: where it leads, when that is not the port itself. */
  targetPort: z.union([z.int(), z.string()]).optional(),
  /** TCP when absent. */
  protocol: z.string().optional(),
});

const container = z.strictObject({
  name: z.string(),
  requests: quantities.optional(),
  limits: quantities.optional(),
  ports: z.array(port).optional(),
  /** Init containers only: `Always` makes it run beside the others. */
  restartPolicy: z.string().optional(),
});

const claim = z.strictObject({
  name: z.string(),
  storage: z.string(),
  accessModes: z.array(z.string()),
  storageClass: z.string().optional(),
});

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.string().optional(),
  value: z.string().optional(),
  effect: z.string().optional(),
});

const nodeTerm = z.strictObject({
  matchExpressions: z.array(
    z.strictObject({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() }),
  ),
});

const workload = z.strictObject({
  kind: z.enum(["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"]),
  name: z.string(),
  /** Absent for the release's own. */
  namespace: z.string().optional(),
  /** Pods; of a DaemonSet, those on one node. */
  replicas: z.int(),
  /** Helm hook events; the workload is gone once they are over. */
  hook: z.string().optional(),
  /** The custom resource from which an operator makes this, e.g. `Prometheus/main`. */
  createdFor: z.string().optional(),
  serviceAccount: z.string().optional(),
  /** Labels of the pods. */
  labels: labels.optional(),
  selector: labels.optional(),
  nodeSelector: labels.optional(),
  /** Node affinity that the scheduler must meet: one of the terms. */
  nodeTerms: z.array(nodeTerm).optional(),
  tolerations: z.array(toleration).optional(),
  initContainers: z.array(container).optional(),
  containers: z.array(container),
  /** Names of PersistentVolumeClaims that the pods mount. */
  mounts: z.array(z.string()).optional(),
  /** Of a StatefulSet: a claim for each of its pods. */
  claimTemplates: z.array(claim).optional(),
});

const service = z.strictObject({
  name: z.string(),
  namespace: z.string().optional(),
  createdFor: z.string().optional(),
  /** ClusterIP when absent. */
  type: z.string().optional(),
  headless: z.literal(true).optional(),
  selector: labels.optional(),
  ports: z.array(port),
});

const ingress = z.strictObject({
  name: z.string(),
  className: z.string().optional(),
  rules: z.array(
    z.strictObject({
      host: z.string().optional(),
      path: z.string(),
      service: z.string(),
      port: z.union([z.int(), z.string()]),
    }),
  ),
});

const contents = z.strictObject({
  workloads: z.array(workload),
  services: z.array(service),
  claims: z.array(claim),
  ingresses: z.array(ingress),
  serviceAccounts: z.array(z.strictObject({ name: z.string(), namespace: z.string().optional() })),
});

const crd = z.strictObject({
  group: z.string(),
  kind: z.string(),
  listKind: z.string(),
  plural: z.string(),
  singular: z.string().optional(),
  shortNames: z.array(z.string()).optional(),
  categories: z.array(z.string()).optional(),
  scope: z.enum(["Namespaced", "Cluster"]),
  /** `crds`: in the chart's crds/ folder, which Helm neither upgrades nor removes. */
  from: z.enum(["crds", "templates"]),
  /** Annotated so that Helm does not remove it with the release. */
  kept: z.literal(true).optional(),
  versions: z.array(
    z.strictObject({
      name: z.string(),
      storage: z.literal(true).optional(),
      /** Defined, but not served any more. */
      retired: z.literal(true).optional(),
      statusSubresource: z.literal(true).optional(),
    }),
  ),
});

/** Shape of an outline. Parsing also puts the keys into this order. */
export const outlineSchema = z.strictObject({
  chart: z.string(),
  version: z.string(),
  crds: z.array(crd),
  sizes: z.strictObject(Object.fromEntries(sizes.map((s) => [s, contents])) as Record<Size, typeof contents>),
});

export type Outline = z.infer<typeof outlineSchema>;
export type OutlineContents = z.infer<typeof contents>;
export type OutlineWorkload = z.infer<typeof workload>;
export type OutlineContainer = z.infer<typeof container>;
export type OutlineService = z.infer<typeof service>;
export type OutlineIngress = z.infer<typeof ingress>;
export type OutlineClaim = z.infer<typeof claim>;
export type OutlineCrd = z.infer<typeof crd>;

/** Outlines that are missing or cannot be read. */
export class OutlineError extends Error {
  override readonly name = "OutlineError";
}

/** The stacks that outlines are recorded for: the same chart has other workloads on each. */
export const outlinedStacks = ["local", "aws"] as const;
export type OutlinedStack = (typeof outlinedStacks)[number];

/** Where a chart's outline is recorded. */
export function outlinePath(projectRoot: string, name: string, stack: OutlinedStack = "local"): string {
  return join(projectRoot, "charts/outlines", stack === "local" ? "" : stack, `${name}.json`);
}

/**
 * The recorded outline of a chart, or undefined where none is recorded.
 *
 * @throws OutlineError when the file does not hold an outline.
 */
export function readOutline(
  projectRoot: string,
  name: string,
  stack: OutlinedStack = "local",
): Outline | undefined {
  const path = outlinePath(projectRoot, name, stack);
  const text = readIfThere(path)?.toString("utf8");
  if (text === undefined) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new OutlineError(`${path} is not JSON: ${(error as Error).message}`);
  }
  const parsed = outlineSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new OutlineError(`${path} is no outline:\n${z.prettifyError(parsed.error)}`);
}

/**
 * The outlines of several charts, by name.
 *
 * @throws OutlineError naming every chart that has none, and at the first that cannot be read.
 */
export function loadOutlines<Name extends string>(
  projectRoot: string,
  names: Iterable<Name>,
  stack: OutlinedStack = "local",
): Map<Name, Outline> {
  const outlines = new Map<Name, Outline>();
  const missing: string[] = [];
  for (const name of names) {
    const found = readOutline(projectRoot, name, stack);
    if (found === undefined) missing.push(name);
    else outlines.set(name, found);
  }
  if (missing.length === 0) return outlines;
  throw new OutlineError(
    `no outline is recorded of ${missing.join(", ")}: run \`node tools/charts/cli.ts outline\``,
  );
}

/** Name of a CRD's object: `<plural>.<group>`. */
export function crdName(crd: Pick<OutlineCrd, "plural" | "group">): string {
  return `${crd.plural}.${crd.group}`;
}

/** CRDs, by object name, that stay on the cluster when the charts' releases are uninstalled; sorted. */
export function leftoverCrds(outlines: Iterable<Outline>): string[] {
  const crds = [...outlines].flatMap((o) => o.crds);
  return crds
    .filter((c) => c.from === "crds" || c.kept)
    .map(crdName)
    .sort();
}
