import { describe, expect, it } from "vitest";
import { type ConfigurationName, settingsOf } from "../configurations.ts";
import type { Run } from "../harness.ts";

export function describeTags(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];
  const tagsOf = (name: ConfigurationName) => ({
    Project: "mlops",
    Stack: "aws",
    Owner: "owner@example.com",
    CostCenter: name === "production" ? "ml-4711" : "mlops",
  });

  describe.each(names)("tags of %s", (name) => {
    const tags = tagsOf(name);
    const { one, all, resources } = runs[name];

    it("are the provider's defaults, for the configured account and region only", () => {
      const { region } = settingsOf(name);
      const { inputs } = one("pulumi:providers:aws", "aws");
      expect(inputs.region).toBe(region);
      expect(JSON.parse(String(inputs.allowedAccountIds))).toEqual(["123456789012"]);
      expect(JSON.parse(String(inputs.defaultTags))).toEqual({ tags });
    });

    it("come with that provider to every AWS resource", () => {
      const provider = resources.find(({ type }) => type === "pulumi:providers:aws")?.urn ?? "none";
      for (const resource of resources) {
        if (!resource.type.startsWith("aws:")) continue;
        expect([resource.name, resource.provider.startsWith(`${provider}::`)]).toEqual([resource.name, true]);
      }
    });

    it("reach what is launched: instances, volumes and network interfaces", () => {
      for (const { name: template, inputs } of all("aws:ec2/launchTemplate:LaunchTemplate")) {
        const group = template.replace("-template", "");
        expect(inputs.tagSpecifications).toEqual(
          ["instance", "volume", "network-interface"].map((resourceType) => ({
            resourceType,
            tags: { ...tags, Name: group },
          })),
        );
      }
    });

    it("reach the network interfaces that pods make necessary", () => {
      const { configurationValues } = one("aws:eks/addon:Addon", "vpc-cni").inputs;
      const { env } = JSON.parse(String(configurationValues)) as { env: Record<string, string> };
      expect(JSON.parse(env.ADDITIONAL_ENI_TAGS ?? "{}")).toEqual(tags);
    });

    it("reach scaling groups", () => {
      const groups = all("aws:eks/nodeGroup:NodeGroup").map((group) => `${group.name}-asg`);
      for (const group of groups) {
        const found = all("aws:autoscaling/tag:Tag")
          .filter(({ inputs }) => inputs.autoscalingGroupName === group)
          .map(({ inputs }) => inputs.tag as { key: string; value: string })
          .filter(({ key }) => key in tags)
          .map(({ key, value }) => [key, value]);
        expect(Object.fromEntries(found)).toEqual(tags);
      }
    });

    it("reach what controllers make: volumes of pods, load balancers, the cluster's security group", () => {
      const ebs = one("aws:eks/addon:Addon", "aws-ebs-csi-driver").inputs.configurationValues;
      expect(JSON.parse(String(ebs))).toEqual({ controller: { extraVolumeTags: tags } });
      const controller = one("kubernetes:helm.sh/v3:Release", "aws-load-balancer-controller").inputs;
      expect((controller.values as { defaultTags: object }).defaultTags).toEqual(tags);
      const securityGroup = all("aws:ec2/tag:Tag").map(({ inputs }) => [inputs.key, inputs.value]);
      expect(Object.fromEntries(securityGroup)).toEqual(tags);
      expect(one("eks:index:Cluster", "cluster-control-plane").inputs.tags).toEqual(tags);
    });
  });

  describe("budget", () => {
    it.each([
      ["default", "400.00", ["owner@example.com"]],
      ["production", "5000.00", ["finance@example.com", "platform@example.com"]],
    ] as const)("%s warns whom it concerns", (name, limitAmount, subscriberEmailAddresses) => {
      const alarm = {
        comparisonOperator: "GREATER_THAN",
        thresholdType: "PERCENTAGE",
        subscriberEmailAddresses,
      };
      expect(runs[name].one("aws:budgets/budget:Budget", "budget").inputs).toEqual({
        accountId: "123456789012",
        budgetType: "COST",
        timeUnit: "MONTHLY",
        limitAmount,
        limitUnit: "USD",
        notifications: [
          { ...alarm, notificationType: "ACTUAL", threshold: 80 },
          { ...alarm, notificationType: "ACTUAL", threshold: 100 },
          { ...alarm, notificationType: "FORECASTED", threshold: 100 },
        ],
      });
    });
  });
}
