/** What cluster-autoscaler would do: a node of which group a pod waits for. Pure. */
import { gpuTaint } from "../../components/aws/accelerators.ts";
import { allocatable, instanceType } from "../../components/aws/instanceTypes.ts";
import type { Group } from "./nodes.ts";
import { type Pod, requestOf } from "./objects.ts";

const mib = 2 ** 20;

/** Whether a node of the group that nobody else uses could run the pod. */
export function fits(pod: Pod, group: Group): boolean {
  const room = allocatable(instanceType(group.instanceType));
  return (
    requestOf(pod, "cpu") * 1000 <= room.cpuMillis &&
    requestOf(pod, "memory") <= room.memoryMiB * mib &&
    requestOf(pod, "nvidia.com/gpu") <= room.gpus &&
    (!group.tainted || tolerates(pod)) &&
    selects(pod, { ...group.labels, "topology.kubernetes.io/zone": group.zone })
  );
}

function tolerates(pod: Pod): boolean {
  return (pod.spec.tolerations ?? []).some(({ key }) => key === gpuTaint.key || key === undefined);
}

function selects(pod: Pod, labels: Readonly<Record<string, string>>): boolean {
  const selector = Object.entries(pod.spec.nodeSelector ?? {});
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const matches = (key: string, values: readonly string[]): boolean => values.includes(labels[key] ?? "");
  return (
    selector.every(([key, value]) => matches(key, [value])) &&
    (terms === undefined ||
      terms.some((term) =>
        (term.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
          switch (operator) {
            case "In":
              return matches(key, values);
            case "NotIn":
              return !matches(key, values);
            case "Exists":
              return key in labels;
            case "DoesNotExist":
              return !(key in labels);
            default:
              throw new Error(`a pod asks for nodes by the operator ${operator}, which is not rehearsed`);
          }
        }),
      ))
  );
}

/**
 * The group that would get a node for a pod: the cheapest that fits and may grow, then the one with fewest nodes.
 *
 * @param counts nodes by group.
 */
export function groupFor(
  pod: Pod,
  groups: readonly Group[],
  counts: Readonly<Record<string, number>>,
): Group | undefined {
  const count = ({ name }: Group): number => counts[name] ?? 0;
  return groups
    .filter((group) => count(group) < group.max && fits(pod, group))
    .sort(
      (a, b) =>
        instanceType(a.instanceType).hourlyUsd - instanceType(b.instanceType).hourlyUsd ||
        count(a) - count(b),
    )[0];
}
