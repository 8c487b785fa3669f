/** Where a kind keeps pod templates; a step `*` is every element of a list. */
export interface Placement {
  /** To an object with `metadata` and `spec`. */
  readonly template: readonly string[];
  /** Fields that say how many such pods run at a time; the largest counts, 1 when none is set. */
  readonly count?: readonly (readonly string[])[];
  /** Field by which each of these pods stands for several. */
  readonly times?: readonly string[];
  /** To the Ray cluster that may put its autoscaler beside the containers of these pods. */
  readonly autoscaled?: readonly string[];
  /** Present where the workload should end: the field that bounds its time in seconds. */
  readonly deadline?: readonly string[];
}

/** Where a kind keeps pods: as pod templates, or as an Argo workflow spec. */
export type PodKind =
  | { readonly placements: readonly Placement[] }
  | { readonly workflowSpec: readonly string[] };

/** Pod templates of a Ray cluster spec at a path. */
function ray(...cluster: string[]): Placement[] {
  const worker = [...cluster, "workerGroupSpecs", "*"];
  return [
    { template: [...cluster, "headGroupSpec", "template"], autoscaled: cluster },
    {
      template: [...worker, "template"],
      count: [
        [...worker, "replicas"],
        [...worker, "minReplicas"],
        [...worker, "maxReplicas"],
      ],
      times: [...worker, "numOfHosts"],
    },
  ];
}

/** A RayJob is deleted at its own deadline together with its cluster. */
function rayJob(): Placement[] {
  const deadline = ["spec", "activeDeadlineSeconds"];
  const cluster = ray("spec", "rayClusterSpec").map((placement) => ({ ...placement, deadline }));
  return [...cluster, { template: ["spec", "submitterPodTemplate"] }];
}

function replicated(): PodKind {
  return { placements: [{ template: ["spec", "template"], count: [["spec", "replicas"]] }] };
}

/**
 * The one table of kinds that make pods, by API group and kind (`Pod` for the core group).
 * RayService keeps its cluster under `rayClusterConfig`, in v1alpha1 under `rayClusterSpec`.
 */
export const POD_KINDS: Readonly<Record<string, PodKind>> = {
  Pod: { placements: [{ template: [] }] },
  PodTemplate: { placements: [{ template: ["template"] }] },
  ReplicationController: replicated(),
  "apps/Deployment": replicated(),
  "apps/StatefulSet": replicated(),
  "apps/ReplicaSet": replicated(),
  "apps/DaemonSet": { placements: [{ template: ["spec", "template"] }] },
  "batch/Job": {
    placements: [
      {
        template: ["spec", "template"],
        count: [["spec", "parallelism"]],
        deadline: ["spec", "activeDeadlineSeconds"],
      },
    ],
  },
  "batch/CronJob": {
    placements: [
      {
        template: ["spec", "jobTemplate", "spec", "template"],
        count: [["spec", "jobTemplate", "spec", "parallelism"]],
        deadline: ["spec", "jobTemplate", "spec", "activeDeadlineSeconds"],
      },
    ],
  },
  "argoproj.io/Rollout": replicated(),
  "argoproj.io/Workflow": { workflowSpec: ["spec"] },
  "argoproj.io/WorkflowTemplate": { workflowSpec: ["spec"] },
  "argoproj.io/ClusterWorkflowTemplate": { workflowSpec: ["spec"] },
  "argoproj.io/CronWorkflow": { workflowSpec: ["spec", "workflowSpec"] },
  "ray.io/RayCluster": { placements: ray("spec") },
  "ray.io/RayJob": { placements: rayJob() },
  "ray.io/RayService": {
    placements: [...ray("spec", "rayClusterConfig"), ...ray("spec", "rayClusterSpec")],
  },
};

/** API group and kind as the table names them; undefined for what is no Kubernetes object. */
export function groupKindOf(apiVersion: unknown, kind: unknown): string | undefined {
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? kind : `${apiVersion.slice(0, slash)}/${kind}`;
}
