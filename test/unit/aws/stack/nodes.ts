import { describe, expect, it } from "vitest";
import type { ConfigurationName } from "../configurations.ts";
import type { Registered, Run } from "../harness.ts";

const clusterName = "mlops-aws-a1b2c3";

/** What one node group is, in the words of the bill and the scheduler. */
interface Group {
  readonly types: readonly string[];
  readonly capacity: "ON_DEMAND" | "SPOT";
  readonly min: number;
  readonly max: number;
  readonly disk: number;
  readonly subnets: readonly string[];
}

const systemGroup = (zone: string): Group => ({
  types: ["t3a.large", "t3.large"],
  capacity: "ON_DEMAND",
  min: 1,
  max: 3,
  disk: 40,
  subnets: [zone],
});
const gpuGroup = (type: string, changes: Partial<Group> = {}): Group => ({
  types: [type],
  capacity: "ON_DEMAND",
  min: 0,
  max: 1,
  disk: 120,
  subnets: ["a", "b", "c"],
  ...changes,
});
const productionSystem = (zone: string): Group => ({
  ...systemGroup(zone),
  types: ["m6i.xlarge"],
  max: 4,
  disk: 100,
});

const expected: Readonly<Record<ConfigurationName, Readonly<Record<string, Group>>>> = {
  smallest: {
    "system-a": { ...systemGroup("a"), max: 1, disk: 30 },
    "gpu-l4": gpuGroup("g6.xlarge", { subnets: ["a", "b"] }),
  },
  default: {
    "system-a": systemGroup("a"),
    "system-b": systemGroup("b"),
    "gpu-l4": gpuGroup("g6.xlarge"),
    "gpu-t4": gpuGroup("g4dn.xlarge"),
  },
  production: {
    "system-a": productionSystem("a"),
    "system-b": productionSystem("b"),
    "system-c": productionSystem("c"),
    "gpu-l4": gpuGroup("g6.xlarge", { min: 1, max: 4 }),
    "gpu-t4": gpuGroup("g4dn.xlarge", { max: 4, subnets: ["a", "c"] }),
  },
  spotOnly: {
    "system-a": systemGroup("a"),
    "system-b": systemGroup("b"),
    "gpu-l4": gpuGroup("g6.xlarge", { capacity: "SPOT", max: 2 }),
    "gpu-t4": gpuGroup("g4dn.xlarge", { capacity: "SPOT", max: 8 }),
  },
  noGpu: { "system-a": systemGroup("a"), "system-b": systemGroup("b") },
};

/** Tags of a group's scaling group, by key. */
function scalingTags(run: Run, group: string): Record<string, string> {
  const tags = run
    .all("aws:autoscaling/tag:Tag")
    .filter(({ inputs }) => inputs.autoscalingGroupName === `${group}-nodes-asg`)
    .map(({ inputs }) => inputs.tag as { key: string; value: string });
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}

export function describeNodes(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];
  const templates = (name: ConfigurationName): readonly Registered[] =>
    runs[name].all("aws:ec2/launchTemplate:LaunchTemplate");

  describe("node groups", () => {
    it.each(names)("%s has exactly the ones of its configuration", (name) => {
      const found = runs[name].all("aws:eks/nodeGroup:NodeGroup").map(({ name: group, inputs }) => {
        const { instanceTypes, capacityType, scalingConfig, subnetIds } = inputs;
        const { minSize, maxSize, desiredSize } = scalingConfig as Record<string, number>;
        expect(desiredSize).toBe(minSize);
        const short = group.replace("-nodes", "");
        const template = runs[name].one("aws:ec2/launchTemplate:LaunchTemplate", `${short}-template`);
        const [device] = template.inputs.blockDeviceMappings as [{ ebs: { volumeSize: number } }];
        return [
          short,
          {
            types: instanceTypes,
            capacity: capacityType,
            min: minSize,
            max: maxSize,
            disk: device.ebs.volumeSize,
            subnets: (subnetIds as string[]).map((id) =>
              id.replace("network-private-", "").replace("-id", ""),
            ),
          },
        ];
      });
      expect(Object.fromEntries(found)).toEqual(expected[name]);
    });

    it("run the right image at the cluster's version, and leave their number to the autoscaler", () => {
      for (const name of names) {
        for (const { name: group, inputs, ignoreChanges } of runs[name].all("aws:eks/nodeGroup:NodeGroup")) {
          const gpu = group.startsWith("gpu-");
          expect(inputs).toMatchObject({
            clusterName,
            version: "1.35",
            amiType: gpu ? "AL2023_x86_64_NVIDIA" : "AL2023_x86_64_STANDARD",
            nodeRoleArn: "arn:aws:iam::123456789012:role/node-role-id",
            updateConfig: { maxUnavailable: 1 },
          });
          expect(ignoreChanges).toEqual(["scalingConfig.desiredSize"]);
        }
      }
    });

    it("keep pods without a GPU off GPU nodes", () => {
      const group = (name: string) => runs.default.one("aws:eks/nodeGroup:NodeGroup", name).inputs;
      expect(group("gpu-l4-nodes").taints).toEqual([
        { key: "nvidia.com/gpu", value: "present", effect: "NO_SCHEDULE" },
      ]);
      expect(group("gpu-l4-nodes").labels).toEqual({
        "mlops.dev/node-group": "gpu-l4",
        "mlops.dev/accelerator": "l4",
        "nvidia.com/gpu.present": "true",
        "k8s.amazonaws.com/accelerator": "nvidia-l4",
      });
      expect(group("gpu-t4-nodes").labels).toMatchObject({
        "k8s.amazonaws.com/accelerator": "nvidia-tesla-t4",
      });
      expect(group("system-a-nodes").taints).toBeUndefined();
      expect(group("system-a-nodes").labels).toEqual({ "mlops.dev/node-group": "system" });
    });
  });

  describe("launch templates", () => {
    it("keep pods from the instance's credentials, and encrypt the disk", () => {
      for (const name of names) {
        expect(templates(name).length).toBeGreaterThan(0);
        for (const { inputs } of templates(name)) {
          expect(inputs.metadataOptions).toEqual({
            httpEndpoint: "enabled",
            httpTokens: "required",
            httpPutResponseHopLimit: 1,
          });
          expect(inputs.blockDeviceMappings).toEqual([
            {
              deviceName: "/dev/xvda",
              ebs: {
                volumeType: "gp3",
                volumeSize: expect.any(Number),
                encrypted: "true",
                deleteOnTermination: "true",
              },
            },
          ]);
          expect(inputs.monitoring).toEqual({ enabled: false });
          for (const chosenByEks of ["imageId", "iamInstanceProfile", "vpcSecurityGroupIds", "keyName"]) {
            expect(inputs).not.toHaveProperty(chosenByEks);
          }
        }
      }
    });

    it("say what happens to bursts, for types that burst only", () => {
      const credits = (name: ConfigurationName, template: string) =>
        runs[name].one("aws:ec2/launchTemplate:LaunchTemplate", template).inputs.creditSpecification;
      expect(credits("default", "system-a-template")).toEqual({ cpuCredits: "unlimited" });
      expect(credits("production", "system-a-template")).toBeUndefined();
      expect(credits("default", "gpu-l4-template")).toBeUndefined();
    });

    it("are used in the version that was just made", () => {
      for (const name of names) {
        for (const { name: group, inputs } of runs[name].all("aws:eks/nodeGroup:NodeGroup")) {
          expect(inputs.launchTemplate).toEqual({
            id: `${group.replace("-nodes", "-template")}-id`,
            version: "1",
          });
        }
      }
    });
  });

  describe("scaling groups", () => {
    const own = {
      Project: "mlops",
      Stack: "aws",
      Owner: "owner@example.com",
      CostCenter: "mlops",
      "k8s.io/cluster-autoscaler/enabled": "true",
      [`k8s.io/cluster-autoscaler/${clusterName}`]: "owned",
    };

    it("say what a GPU node would look like while there is none", () => {
      expect(scalingTags(runs.default, "gpu-l4")).toEqual({
        ...own,
        "k8s.io/cluster-autoscaler/node-template/label/mlops.dev/node-group": "gpu-l4",
        "k8s.io/cluster-autoscaler/node-template/label/mlops.dev/accelerator": "l4",
        "k8s.io/cluster-autoscaler/node-template/label/nvidia.com/gpu.present": "true",
        "k8s.io/cluster-autoscaler/node-template/label/k8s.amazonaws.com/accelerator": "nvidia-l4",
        "k8s.io/cluster-autoscaler/node-template/taint/nvidia.com/gpu": "present:NoSchedule",
        "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu": "1",
        "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage": "120Gi",
      });
    });

    it("of the system promise no GPU", () => {
      expect(scalingTags(runs.default, "system-a")).toEqual({
        ...own,
        "k8s.io/cluster-autoscaler/node-template/label/mlops.dev/node-group": "system",
        "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage": "40Gi",
      });
    });
  });
}
