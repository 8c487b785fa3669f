import type { Variable } from "./types.ts";

/** Resources that the policies judge: every built-in kind that makes pods. Custom kinds are judged by their Pods. */
export const RESOURCE_RULES = [
  {
    apiGroups: [""],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["pods", "pods/ephemeralcontainers", "replicationcontrollers"],
  },
  {
    apiGroups: ["apps"],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["deployments", "statefulsets", "daemonsets", "replicasets"],
  },
  {
    apiGroups: ["batch"],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["jobs", "cronjobs"],
  },
];

/**
 * Requests that the policies look at. What exists already may always shrink, change its metadata and go: else
 * objects older than a policy could neither be cleaned up nor replaced.
 */
export const MATCH_CONDITIONS = [
  { name: "not-being-deleted", expression: "!has(object.metadata.deletionTimestamp)" },
  {
    name: "makes-or-changes-pods",
    expression: [
      "request.operation == 'CREATE'",
      "(object.kind == 'Pod' && object.?metadata.?labels.orValue({}) != oldObject.?metadata.?labels.orValue({}))",
      "(object.spec != oldObject.spec && object.spec.?replicas.orValue(0) >= oldObject.spec.?replicas.orValue(0))",
    ].join(" || "),
  },
];

/** The pod that an object makes, taken apart. */
export const POD_VARIABLES: readonly Variable[] = [
  // Without a type: the kinds differ in their fields, and each would warn about those of the others.
  { name: "object", expression: "dyn(object)" },
  {
    name: "template",
    expression:
      "variables.object.kind == 'Pod' ? variables.object : variables.object.kind == 'CronJob' ? variables.object.spec.jobTemplate.spec.template : variables.object.spec.template",
  },
  { name: "pod", expression: "variables.template.spec" },
  { name: "labels", expression: "variables.template.?metadata.?labels.orValue({})" },
  { name: "mains", expression: "variables.pod.containers" },
  // An init container that restarts for ever is a sidecar.
  {
    name: "inits",
    expression:
      "variables.pod.?initContainers.orValue([]).filter(c, c.?restartPolicy.orValue('') != 'Always')",
  },
  {
    name: "sidecars",
    expression:
      "variables.pod.?initContainers.orValue([]).filter(c, c.?restartPolicy.orValue('') == 'Always')",
  },
  {
    name: "containers",
    expression:
      "variables.mains + variables.inits + variables.sidecars + variables.pod.?ephemeralContainers.orValue([])",
  },
  { name: "volumes", expression: "variables.pod.?volumes.orValue([])" },
];

/**
 * CEL for what a container `c` states of a resource, as a quantity. A limit is also the request: the API server
 * writes it there in a Pod, but not in the template of one.
 * @param resource CEL of its name
 */
export function amount(list: "limits" | "requests", resource: string): string {
  const limit = `c.?resources.?limits[?${resource}]`;
  const stated = list === "limits" ? limit : `c.?resources.?requests[?${resource}].or(${limit})`;
  return `quantity(${stated}.orValue('0'))`;
}

/** CEL that is true when a container `c` states more than nothing of a resource. */
export function isPositive(list: "limits" | "requests", resource: string): string {
  return `${amount(list, resource)}.isGreaterThan(quantity('0'))`;
}
