import type { CostEstimate } from "../../components/aws/cost.ts";
import { instanceType } from "../../components/aws/instanceTypes.ts";
import { parseQuantity } from "../charts/requested.ts";
import { tableLines } from "../charts/table.ts";
import { groupFor } from "./autoscaler.ts";
import type { Group } from "./nodes.ts";
import { addressOf, type Node, type Pod, requestOf, type Sleeper, unschedulable } from "./objects.ts";

/** What a rehearsal saw. */
export interface Seen {
  readonly groups: readonly Group[];
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** Workloads with 0 replicas. */
  readonly sleepers: readonly Sleeper[];
  readonly cost: CostEstimate;
}

const gpu = "nvidia.com/gpu";

/** What schedules where, what does not and why, and what it costs, for people. */
export function reportLines(seen: Seen): string[] {
  return [
    "",
    ...nodeLines(seen),
    "",
    ...waitingLines(seen),
    "",
    ...sleeperLines(seen),
    "",
    ...costLines(seen.cost),
  ];
}

/** Pods for which there is no node. */
export function waiting(pods: readonly Pod[]): readonly Pod[] {
  return pods.filter((pod) => unschedulable(pod) !== undefined);
}

function nodeLines({ groups, nodes, pods }: Seen): string[] {
  const rows = nodes.map(({ metadata, status: { allocatable } }) => {
    const here = pods.filter(
      ({ spec, status }) =>
        spec.nodeName === metadata.name && !["Succeeded", "Failed"].includes(status.phase),
    );
    const sum = (resource: string): number =>
      here.map((pod) => requestOf(pod, resource)).reduce((total, one) => total + one, 0);
    const share = (resource: string): number =>
      Math.round((100 * sum(resource)) / parseQuantity(allocatable[resource] ?? "0"));
    return [
      metadata.name,
      metadata.labels?.["node.kubernetes.io/instance-type"] ?? "",
      `${share("cpu")} %`,
      `${share("memory")} %`,
      `${here.length} of ${allocatable.pods}`,
      allocatable[gpu] ?? "",
    ];
  });
  const absent = groups
    .filter(({ name }) => !nodes.some(({ metadata }) => metadata.name.startsWith(`${name}-`)))
    .map(({ name, instanceType: type, max }) => [name, type, `no node; at most ${max}`]);
  return tableLines(["node", "type", "CPU asked", "memory asked", "pods", "GPUs"], [...rows, ...absent]);
}

function waitingLines({ pods }: Seen): string[] {
  const without = waiting(pods);
  if (without.length === 0) return ["Every pod has a node."];
  return [
    `${without.length} pod(s) have no node:`,
    ...without.map((pod) => `  ${addressOf(pod)}: ${unschedulable(pod)}`),
  ];
}

function sleeperLines({ sleepers, groups }: Seen): string[] {
  return sleepers
    .filter(({ pod }) => requestOf(pod, gpu) > 0)
    .map(({ address, pod }) => {
      const group = groupFor(pod, groups, {});
      if (group === undefined) return `${address}: 0 replicas, and no node group could run one`;
      const { hourlyUsd } = instanceType(group.instanceType);
      return `${address}: 0 replicas; the first starts a node of ${group.name} (${group.instanceType}, $${hourlyUsd} an hour)`;
    });
}

function costLines(cost: CostEstimate): string[] {
  const usd = (value: number): string => `$${value.toFixed(4)}`;
  const rows = cost.items.map(({ item, quantity, hourlyUsd }) => [item, quantity, usd(hourlyUsd)]);
  const sums: [string, number | undefined][] = [
    ["idle, an hour", cost.idle],
    ["with one L4 node", cost.withOneL4],
    ["with one T4 node", cost.withOneT4],
  ];
  return [
    `Cost an hour, list prices of ${cost.pricesOf} of ${cost.pricesDate}:`,
    ...tableLines(
      ["item", "quantity", "USD"],
      [...rows, ...sums.flatMap(([name, value]) => (value === undefined ? [] : [[name, "", usd(value)]]))],
    ),
    `A month of idle hours: $${cost.idleMonth.toFixed(2)}`,
  ];
}
