import { gpuNodeLabels, gpuTaint } from "../../components/aws/accelerators.ts";
import { allocatable, instanceType } from "../../components/aws/instanceTypes.ts";
import { zonesOf } from "../../components/aws/regions.ts";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { type NodeDescription, nodeDescriptionSchema } from "../embedded/nodeDescription.ts";

/** A node group of the stack, as cluster-autoscaler and the scheduler see it. */
export interface Group {
  readonly name: string;
  /** Zone of its nodes; the first of several for groups that span zones. */
  readonly zone: string;
  readonly instanceType: string;
  readonly min: number;
  readonly max: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly tainted: boolean;
  readonly diskGiB: number;
}

/** Node groups of a configuration: the same as components/aws/nodes.ts makes. */
export function groupsOf(settings: AwsSettings): Group[] {
  const zones = zonesOf(settings);
  const { system, l4, t4 } = settings.nodeGroups;
  const systemGroups = zones.slice(0, system.zones).map((zone) => ({
    name: `system-${zone.slice(-1)}`,
    zone,
    instanceType: system.instanceTypes[0] ?? "",
    min: system.minPerZone,
    max: system.maxPerZone,
    labels: { "mlops.dev/node-group": "system" },
    tainted: false,
    diskGiB: system.diskGiB,
  }));
  const gpuGroups = [["l4", l4] as const, ["t4", t4] as const].flatMap(([accelerator, group]) => {
    if (group.max === 0) return [];
    const name = `gpu-${accelerator}`;
    return [
      {
        name,
        zone: (group.zones ?? zones)[0] ?? "",
        instanceType: group.instanceTypes[0] ?? "",
        min: group.min,
        max: group.max,
        labels: { "mlops.dev/node-group": name, ...gpuNodeLabels(accelerator) },
        tainted: true,
        diskGiB: group.diskGiB,
      },
    ];
  });
  return [...systemGroups, ...gpuGroups];
}

/** Share of a node's disk that pods can have: the kubelet keeps 10 % free and a part for itself. */
const usableDisk = 0.85;

/**
 * Nodes with the capacity that pods get on EC2: what the kubelet, its reserves and the hypervisor leave.
 *
 * @param counts nodes by group; its minimum by default.
 */
export function describeNodes(
  settings: AwsSettings,
  counts: Readonly<Record<string, number>> = {},
): NodeDescription {
  return nodeDescriptionSchema.parse(
    groupsOf(settings).map((group) => {
      const room = allocatable(instanceType(group.instanceType));
      return {
        name: group.name,
        count: counts[group.name] ?? group.min,
        labels: {
          ...group.labels,
          "topology.kubernetes.io/region": settings.region,
          "topology.kubernetes.io/zone": group.zone,
          "node.kubernetes.io/instance-type": group.instanceType,
        },
        taints: group.tainted
          ? [{ key: gpuTaint.key, value: gpuTaint.value, effect: "NoSchedule" as const }]
          : [],
        cpu: `${room.cpuMillis}m`,
        memory: `${room.memoryMiB}Mi`,
        storage: `${Math.floor(group.diskGiB * usableDisk)}Gi`,
        pods: room.pods,
        gpus: room.gpus,
        instanceType: group.instanceType,
      };
    }),
  );
}
