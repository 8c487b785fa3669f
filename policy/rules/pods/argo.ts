import { formatPath, isEmpty, isObject, listAt, objectAt, type Path } from "../json.ts";
import type { JsonObject } from "../types.ts";
import { type Container, type Located, type PodTemplate, toContainer } from "./podTemplate.ts";
import { type WorkflowTemplate, workflowTemplates } from "./workflowTemplates.ts";

/** Fields of a pod spec that a template takes from its workflow where it has none itself. */
const INHERITED = [
  "nodeSelector",
  "affinity",
  "tolerations",
  "securityContext",
  "serviceAccountName",
  "automountServiceAccountToken",
  "activeDeadlineSeconds",
  "hostNetwork",
];

/** The pods of an Argo workflow spec at a path: one a template that runs containers. */
export function workflowPods(object: unknown, kind: string, specPath: Path): PodTemplate[] {
  return workflowTemplates(object, specPath).flatMap((template) => {
    const containers = containersOf(template);
    return containers.length === 0 ? [] : [toPod(object, kind, specPath, template, containers)];
  });
}

function containersOf({ path, value, objectsIn }: WorkflowTemplate): Container[] {
  const single = ["container", "script"].flatMap((field) => {
    const container = value[field];
    return isObject(container)
      ? [toContainer({ path: [...path, field], value: container }, "main", field)]
      : [];
  });
  const lists = [
    [["containerSet", "containers"], "main"],
    [["initContainers"], "init"],
    [["sidecars"], "sidecar"],
  ] as const;
  const listed = lists.flatMap(([field, role]) =>
    objectsIn(...field).map((located) =>
      toContainer(located, role, formatPath(located.path.slice(-2)).slice(2)),
    ),
  );
  return [...single, ...listed];
}

function toPod(
  object: unknown,
  kind: string,
  workflowPath: Path,
  { path, value, objectsIn }: WorkflowTemplate,
  containers: Container[],
): PodTemplate {
  const workflow = objectAt(object, ...workflowPath);
  const inherited = INHERITED.filter((field) => isEmpty(value[field]) && !isEmpty(workflow[field]));
  const spec: JsonObject = { ...value };
  for (const field of inherited) spec[field] = workflow[field];
  const at = (...field: (string | number)[]): Path =>
    inherited.includes(String(field[0])) ? [...workflowPath, ...field] : [...path, ...field];
  return {
    path,
    kind,
    perNode: false,
    scheduled: false,
    spec,
    at,
    labels: { ...objectAt(workflow, "podMetadata", "labels"), ...objectAt(value, "metadata", "labels") },
    labelsPath: [...path, "metadata", "labels"],
    containers,
    volumes: [...objectsIn("volumes"), ...workflowVolumes(workflow, workflowPath)],
    ends: true,
    deadline: { value: spec.activeDeadlineSeconds, path: at("activeDeadlineSeconds") },
    count: 1,
  };
}

function workflowVolumes(workflow: JsonObject, workflowPath: Path): Located[] {
  return listAt(workflow, "volumes").flatMap((value, index) =>
    isObject(value) ? [{ path: [...workflowPath, "volumes", index], value }] : [],
  );
}
