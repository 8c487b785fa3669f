import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AcceleratorClass } from "../target.ts";
import { gpuNodeLabels, gpuTaint } from "./accelerators.ts";
import { instanceType } from "./instanceTypes.ts";
import { type CommonTags, launchedResourceTypes } from "./tags.ts";

export interface NodeGroupArgs {
  readonly clusterName: pulumi.Input<string>;
  /** Kubernetes minor version of the nodes. */
  readonly version: string;
  readonly nodeRoleArn: pulumi.Input<string>;
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** First one preferred; all of one size. */
  readonly instanceTypes: readonly string[];
  readonly capacity: "onDemand" | "spot";
  readonly min: number;
  readonly max: number;
  readonly diskGiB: number;
  /** Absent for nodes without GPUs. */
  readonly accelerator?: AcceleratorClass;
  /** Label that says which group a node is of. */
  readonly group: string;
  readonly tags: CommonTags;
}

/**
 * Network hops that an answer of the instance metadata service survives: 1 reaches the node and pods on
 * its network, not other pods. No node group is an exception; pods use roles of their own instead.
 */
const metadataHopLimit = 1;

/**
 * A managed node group with its launch template, and tags from which cluster-autoscaler knows what a node
 * would look like while there is none.
 */
export class NodeGroup extends pulumi.ComponentResource {
  readonly nodeGroupName: pulumi.Output<string>;

  constructor(name: string, args: NodeGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:NodeGroup", name, {}, opts);
    const template = this.createLaunchTemplate(name, args);
    const group = this.createNodeGroup(name, args, template);
    this.tagScalingGroup(name, args, group);
    this.nodeGroupName = group.nodeGroupName;
    this.registerOutputs({ nodeGroupName: this.nodeGroupName });
  }

  private createLaunchTemplate(name: string, args: NodeGroupArgs): aws.ec2.LaunchTemplate {
    const tags = { ...args.tags, Name: name };
    const burstable = args.instanceTypes.every((type) => /^t\d/.test(type));
    return new aws.ec2.LaunchTemplate(
      `${name}-template`,
      {
        updateDefaultVersion: true,
        metadataOptions: {
          httpEndpoint: "enabled",
          httpTokens: "required",
          httpPutResponseHopLimit: metadataHopLimit,
        },
        blockDeviceMappings: [
          {
            deviceName: "/dev/xvda",
            ebs: {
              volumeType: "gp3",
              volumeSize: args.diskGiB,
              encrypted: "true",
              deleteOnTermination: "true",
            },
          },
        ],
        monitoring: { enabled: false },
        // Throttled nodes turn NotReady; what bursts cost shows in the budget.
        ...(burstable ? { creditSpecification: { cpuCredits: "unlimited" } } : {}),
        tagSpecifications: launchedResourceTypes.map((resourceType) => ({ resourceType, tags })),
      },
      { parent: this },
    );
  }

  private createNodeGroup(
    name: string,
    args: NodeGroupArgs,
    template: aws.ec2.LaunchTemplate,
  ): aws.eks.NodeGroup {
    const gpu = args.accelerator !== undefined;
    return new aws.eks.NodeGroup(
      `${name}-nodes`,
      {
        clusterName: args.clusterName,
        version: args.version,
        nodeRoleArn: args.nodeRoleArn,
        subnetIds: [...args.subnetIds],
        amiType: gpu ? "AL2023_x86_64_NVIDIA" : "AL2023_x86_64_STANDARD",
        capacityType: args.capacity === "spot" ? "SPOT" : "ON_DEMAND",
        instanceTypes: [...args.instanceTypes],
        launchTemplate: {
          id: template.id,
          version: template.latestVersion.apply((version) => String(version)),
        },
        scalingConfig: { minSize: args.min, maxSize: args.max, desiredSize: args.min },
        updateConfig: { maxUnavailable: 1 },
        labels: nodeLabels(args),
        ...(gpu ? { taints: [{ ...gpuTaint, effect: "NO_SCHEDULE" }] } : {}),
        tags: args.tags,
      },
      // Cluster-autoscaler moves the number of nodes.
      { parent: this, ignoreChanges: ["scalingConfig.desiredSize"] },
    );
  }

  private tagScalingGroup(name: string, args: NodeGroupArgs, group: aws.eks.NodeGroup): void {
    const autoscalingGroupName = group.resources.apply(
      (resources) => resources[0]?.autoscalingGroups[0]?.name ?? "",
    );
    for (const { suffix, tag } of scalingGroupTags(args)) {
      new aws.autoscaling.Tag(`${name}-tag-${suffix}`, { autoscalingGroupName, tag }, { parent: this });
    }
  }
}

function nodeLabels({ group, accelerator }: NodeGroupArgs): Record<string, string> {
  return {
    "mlops.dev/node-group": group,
    ...(accelerator === undefined ? {} : gpuNodeLabels(accelerator)),
  };
}

interface ScalingGroupTag {
  /** For the resource's name. */
  readonly suffix: string;
  readonly tag: {
    readonly key: pulumi.Input<string>;
    readonly value: string;
    readonly propagateAtLaunch: boolean;
  };
}

/**
 * Tags of the scaling group: the common ones, which the provider's defaults do not bring there; those by
 * which cluster-autoscaler finds the group; and the shape of a node for the time that none runs.
 *
 * @see https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
 */
function scalingGroupTags(args: NodeGroupArgs): ScalingGroupTag[] {
  const prefix = "k8s.io/cluster-autoscaler";
  const template = `${prefix}/node-template`;
  const tag = (suffix: string, key: pulumi.Input<string>, value: string): ScalingGroupTag => ({
    suffix,
    // The launch template tags instances already.
    tag: { key, value, propagateAtLaunch: false },
  });
  const gpus = instanceType(args.instanceTypes[0] ?? "").gpus;
  return [
    ...Object.entries(args.tags).map(([key, value]) => tag(key, key, value)),
    tag("enabled", `${prefix}/enabled`, "true"),
    tag("cluster", pulumi.interpolate`${prefix}/${args.clusterName}`, "owned"),
    ...Object.entries(nodeLabels(args)).map(([key, value]) =>
      tag(`label-${key.replace(/\W/g, "-")}`, `${template}/label/${key}`, value),
    ),
    tag("disk", `${template}/resources/ephemeral-storage`, `${args.diskGiB}Gi`),
    ...(gpus === 0
      ? []
      : [
          tag("taint", `${template}/taint/${gpuTaint.key}`, `${gpuTaint.value}:NoSchedule`),
          tag("gpus", `${template}/resources/nvidia.com/gpu`, String(gpus)),
        ]),
  ];
}
