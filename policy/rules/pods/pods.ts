import { isEmpty, isObject, listAt, matchesAt, objectAt, type Path, valueAt } from "../json.ts";
import type { JsonObject } from "../types.ts";
import { workflowPods } from "./argo.ts";
import { groupKindOf, type Placement, POD_KINDS } from "./podKinds.ts";
import { type Container, type Located, type PodTemplate, toContainer } from "./podTemplate.ts";

/** Every pod that an object makes; none for kinds that make no pods and for what is no object at all. */
export function podsOf(object: unknown): PodTemplate[] {
  const groupKind = groupKindOf(valueAt(object, "apiVersion"), valueAt(object, "kind"));
  if (groupKind === undefined || !Object.hasOwn(POD_KINDS, groupKind)) return [];
  const kind = POD_KINDS[groupKind];
  if (kind === undefined) return [];
  if ("workflowSpec" in kind) return workflowPods(object, groupKind, kind.workflowSpec);
  return kind.placements.flatMap((placement) => placedPods(object, groupKind, placement));
}

function placedPods(object: unknown, kind: string, placement: Placement): PodTemplate[] {
  return matchesAt(object, placement.template).map(({ path, value, elements }) => {
    const spec = objectAt(value, "spec");
    const specPath = [...path, "spec"];
    const ofPod = [...specPath, "activeDeadlineSeconds"];
    const ofObject = placement.deadline ?? ofPod;
    const deadline = valueAt(object, ...ofObject) === undefined ? ofPod : ofObject;
    const stated = containersOf(spec, specPath);
    return {
      path: specPath,
      kind,
      perNode: kind === "apps/DaemonSet" || isOwnedByDaemonSet(value),
      scheduled: kind === "Pod" && isScheduled(value),
      spec,
      at: (...field) => [...specPath, ...field],
      labels: objectAt(value, "metadata", "labels"),
      labelsPath: [...path, "metadata", "labels"],
      containers: [...stated, ...autoscalerOf(object, placement, stated)],
      volumes: objectsIn(spec, "volumes", specPath),
      ends: placement.deadline !== undefined,
      deadline: { value: valueAt(object, ...deadline), path: ofObject },
      count: countOf(object, placement, elements),
    };
  });
}

/** Its pods are judged as their DaemonSet is. Nobody gains by a forged owner: the garbage collector removes such pods. */
function isOwnedByDaemonSet(pod: unknown): boolean {
  const owners = listAt(pod, "metadata", "ownerReferences");
  return owners.some(
    (owner) => valueAt(owner, "kind") === "DaemonSet" && valueAt(owner, "controller") === true,
  );
}

/** As in what `kubectl get` prints. The API server takes no status from who creates a pod. */
function isScheduled(pod: unknown): boolean {
  return listAt(pod, "status", "conditions").some(
    (condition) => valueAt(condition, "type") === "PodScheduled",
  );
}

/** Containers of a pod spec. An init container that restarts for ever is a sidecar. */
function containersOf(spec: JsonObject, specPath: Path): Container[] {
  const lists = [
    ["containers", "main"],
    ["initContainers", "init"],
    ["ephemeralContainers", "ephemeral"],
  ] as const;
  return lists.flatMap(([field, role]) =>
    objectsIn(spec, field, specPath).map((located) => {
      const actualRole = role === "init" && located.value.restartPolicy === "Always" ? "sidecar" : role;
      return toContainer(located, actualRole, `${field}[${located.path.at(-1)}]`);
    }),
  );
}

/** What KubeRay gives its autoscaler where the cluster says nothing else. */
const AUTOSCALER_RESOURCES = {
  requests: { cpu: "500m", memory: "512Mi" },
  limits: { cpu: "500m", memory: "512Mi" },
};

/** The container that KubeRay adds to a head pod, as the cluster's `autoscalerOptions` and the head make it. */
function autoscalerOf(object: unknown, { autoscaled }: Placement, [head]: readonly Container[]): Container[] {
  if (autoscaled === undefined || valueAt(object, ...autoscaled, "enableInTreeAutoscaling") !== true)
    return [];
  const path = [...autoscaled, "autoscalerOptions"];
  const options = objectAt(object, ...path);
  const value = {
    ...options,
    image: isEmpty(options.image) ? head?.value.image : options.image,
    resources: options.resources ?? AUTOSCALER_RESOURCES,
  };
  return [toContainer({ path, value }, "main", "autoscaler")];
}

function objectsIn(parent: JsonObject, field: string, parentPath: Path): Located[] {
  return listAt(parent, field).flatMap((value, index) =>
    isObject(value) ? [{ path: [...parentPath, field, index], value }] : [],
  );
}

function countOf(object: unknown, { count = [], times }: Placement, elements: readonly number[]): number {
  const replicas = count.map((field) => valueAt(object, ...resolve(field, elements))).filter(isCount);
  const factor = times && valueAt(object, ...resolve(times, elements));
  return (replicas.length === 0 ? 1 : Math.max(...replicas)) * (isCount(factor) ? factor : 1);
}

/** The field that belongs to the same list elements as the template. */
function resolve(field: readonly string[], elements: readonly number[]): Path {
  let next = 0;
  return field.map((step) => (step === "*" ? (elements[next++] ?? 0) : step));
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
