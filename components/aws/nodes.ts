import type * as pulumi from "@pulumi/pulumi";
import type { AwsSettings, GpuNodesSettings } from "../../config/awsSchema.ts";
import { NodeGroup, type NodeGroupArgs } from "./nodeGroup.ts";
import { zonesOf } from "./regions.ts";

type Common = Pick<NodeGroupArgs, "clusterName" | "version" | "nodeRoleArn" | "tags">;

export interface NodesArgs extends Common {
  readonly settings: AwsSettings;
  /** Private subnets, one a zone, in the order of the zones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
}

/**
 * All node groups of a stack.
 *
 * The system nodes are one group a zone: a pod whose volume lies in one zone needs a node in that zone,
 * and a group over several zones might start it in another. GPU nodes hold no volumes, and one group over
 * all zones finds capacity where there is some.
 */
export function createNodeGroups(args: NodesArgs, opts: pulumi.ComponentResourceOptions): NodeGroup[] {
  const { settings, subnetIds, ...common } = args;
  const { system, l4, t4 } = settings.nodeGroups;
  const zones = zonesOf(settings);
  const subnetsIn = (wanted: readonly string[]): pulumi.Input<string>[] =>
    zones.flatMap((zone, index) => {
      const subnet = subnetIds[index];
      return wanted.includes(zone) && subnet !== undefined ? [subnet] : [];
    });
  const systemGroups = zones.slice(0, system.zones).map(
    (zone) =>
      new NodeGroup(
        `system-${zone.slice(-1)}`,
        {
          ...common,
          group: "system",
          subnetIds: subnetsIn([zone]),
          instanceTypes: system.instanceTypes,
          capacity: "onDemand",
          min: system.minPerZone,
          max: system.maxPerZone,
          diskGiB: system.diskGiB,
        },
        opts,
      ),
  );
  const gpuGroup = (accelerator: "l4" | "t4", group: GpuNodesSettings): NodeGroup[] => {
    if (group.max === 0) return [];
    const name = `gpu-${accelerator}`;
    const { instanceTypes, capacity, min, max, diskGiB } = group;
    const shape = { instanceTypes, capacity, min, max, diskGiB, accelerator, group: name };
    return [new NodeGroup(name, { ...common, ...shape, subnetIds: subnetsIn(group.zones ?? zones) }, opts)];
  };
  return [...systemGroups, ...gpuGroup("l4", l4), ...gpuGroup("t4", t4)];
}
