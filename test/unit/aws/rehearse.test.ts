import { describe, expect, it } from "vitest";
import { estimateCost } from "../../../components/aws/cost.ts";
import { instanceType, maximumPods } from "../../../components/aws/instanceTypes.ts";
import { groupFor } from "../../../tools/rehearse/autoscaler.ts";
import { assumed } from "../../../tools/rehearse/config.ts";
import { describeNodes, groupsOf } from "../../../tools/rehearse/nodes.ts";
import type { Pod } from "../../../tools/rehearse/objects.ts";
import { reportLines, waiting } from "../../../tools/rehearse/report.ts";
import { type ConfigurationName, configurations, settingsOf } from "./configurations.ts";

const settings = settingsOf("default");
const groups = groupsOf(settings);

function pod(requests: Record<string, string>, spec: Partial<Pod["spec"]> = {}): Pod {
  return {
    metadata: { name: "one", namespace: "team-a", uid: "1" },
    spec: { containers: [{ resources: { requests } }], ...spec },
    status: { phase: "Pending" },
  };
}

const tolerations = [{ key: "nvidia.com/gpu", operator: "Exists" }];
const ofL4 = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: "mlops.dev/accelerator", operator: "In", values: ["l4"] }] },
      ],
    },
  },
};

describe("rehearsed nodes", () => {
  it.each(
    Object.keys(configurations) as ConfigurationName[],
  )("of %s are those of its node groups", (name) => {
    const wanted = settingsOf(name);
    const { system, l4, t4 } = wanted.nodeGroups;
    const described = describeNodes(wanted);
    expect(described.filter((node) => node.name.startsWith("system-"))).toHaveLength(system.zones);
    const gpus = [l4, t4].filter(({ max }) => max > 0).length;
    expect(described.filter(({ taints }) => taints.length > 0)).toHaveLength(gpus);
    for (const node of described) {
      expect(node.pods).toBe(maximumPods(instanceType(node.instanceType ?? "")));
      expect(node.gpus > 0).toBe(node.taints.length > 0);
    }
  });

  it("have what the kubelet leaves of a t3a.large", () => {
    // 2 vCPUs less 70m; 8 GiB less the hypervisor's, 255 MiB, 11 MiB a pod and what evicts.
    expect(describeNodes(settings)[0]).toMatchObject({ cpu: "1930m", memory: "6837Mi", pods: 35, count: 1 });
  });
});

describe("cluster-autoscaler's choice", () => {
  it("is a system node for what needs no GPU, where there are fewest", () => {
    expect(groupFor(pod({ cpu: "1" }), groups, { "system-a": 2, "system-b": 1 })?.name).toBe("system-b");
  });

  it("is the group of the accelerator that the pod asks for", () => {
    const gpu = { "nvidia.com/gpu": "1", cpu: "2", memory: "12Gi" };
    expect(groupFor(pod(gpu, { tolerations, affinity: ofL4 }), groups, {})?.name).toBe("gpu-l4");
    const t4 = { tolerations, nodeSelector: { "mlops.dev/accelerator": "t4" } };
    expect(groupFor(pod(gpu, t4), groups, {})?.name).toBe("gpu-t4");
  });

  it("is none for a pod that tolerates no GPU node, is too large, or comes when the group is full", () => {
    const gpu = { "nvidia.com/gpu": "1" };
    expect(groupFor(pod(gpu), groups, {})).toBeUndefined();
    expect(groupFor(pod({ memory: "64Gi" }), groups, {})).toBeUndefined();
    expect(groupFor(pod(gpu, { tolerations }), groups, { "gpu-l4": 1, "gpu-t4": 1 })).toBeUndefined();
    expect(groupFor(pod({ cpu: "1" }), groups, { "system-a": 3, "system-b": 3 })).toBeUndefined();
  });
});

describe("a rehearsal's report", () => {
  const without: Pod = {
    ...pod({ cpu: "1" }),
    status: {
      phase: "Pending",
      conditions: [
        {
          type: "PodScheduled",
          status: "False",
          reason: "Unschedulable",
          message: "0/2 nodes are available",
        },
      ],
    },
  };
  const seen = {
    groups,
    nodes: [
      {
        metadata: {
          name: "system-a-0",
          uid: "n",
          labels: { "node.kubernetes.io/instance-type": "t3a.large" },
        },
        status: { allocatable: { cpu: "2", memory: "8Gi", pods: "35" } },
      },
    ],
    pods: [without, { ...pod({ cpu: "500m", memory: "2Gi" }, { nodeName: "system-a-0" }) }],
    sleepers: [
      { address: "serving/vllm", pod: pod({ "nvidia.com/gpu": "1" }, { tolerations, affinity: ofL4 }) },
      { address: "argocd/idle", pod: pod({ cpu: "1" }) },
    ],
    cost: estimateCost(settings, "small", 2),
  };

  it("says how full nodes are, who has none and why, what a GPU would cost, and the hour", () => {
    const text = reportLines(seen).join("\n");
    expect(text).toMatch(/system-a-0\s+t3a\.large\s+25 %\s+25 %\s+1 of 35/);
    expect(text).toMatch(/gpu-l4\s+g6\.xlarge\s+no node; at most 1/);
    expect(text).toContain("1 pod(s) have no node:\n  team-a/one: 0/2 nodes are available");
    expect(text).toContain(
      "serving/vllm: 0 replicas; the first starts a node of gpu-l4 (g6.xlarge, $0.8048 an hour)",
    );
    expect(text).not.toContain("argocd/idle");
    expect(text).toMatch(/idle, an hour\s+\$0\.3615/);
    expect(waiting(seen.pods)).toEqual([without]);
  });
});

describe("a configuration that is rehearsed", () => {
  it("keeps what is set, and gets examples for what only an account needs", () => {
    expect(Object.keys(assumed({}))).toEqual(["mlops:accountId", "mlops:owner", "mlops:api"]);
    expect(assumed({ "mlops:accountId": "1", "mlops:owner": "o", "mlops:api": {} })).toEqual({});
  });
});
