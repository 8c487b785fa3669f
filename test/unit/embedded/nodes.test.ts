import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  defaultNodes,
  nodeDescriptionSchema,
  parseNodeDescription,
  readNodeDescription,
} from "../../../tools/embedded/nodeDescription.ts";
import { expandNodes, mergeTaints, nodeManifest } from "../../../tools/embedded/nodes.ts";
import { temporaryPath } from "./fixtures.ts";

const manifests = (description: unknown) =>
  expandNodes(parseNodeDescription(description, "test")).map((node, index) =>
    nodeManifest(node, index, 20_001),
  );

describe("the default nodes", () => {
  const nodes = expandNodes(defaultNodes).map((node, index) => nodeManifest(node, index, 20_001));

  it("are one server and three agents, with one GPU of each accelerator class", () => {
    expect(
      nodes.map(({ metadata, status }) => [
        metadata.name,
        metadata.labels["node-role"],
        metadata.labels["mlops.dev/accelerator"],
        status.allocatable["nvidia.com/gpu"],
      ]),
    ).toEqual([
      ["mlops-server-0", undefined, undefined, undefined],
      ["mlops-agent-0", "training", "t4", "1"],
      ["mlops-agent-1", "training", "l4", "1"],
      ["mlops-agent-2", "inference", undefined, undefined],
    ]);
  });

  it("carry the labels that charts select by, and no taint", () => {
    for (const { metadata, spec } of nodes) {
      expect(metadata.labels).toMatchObject({
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": metadata.name,
      });
      expect(spec.taints).toEqual([]);
    }
  });
});

describe("a node description", () => {
  it("makes as many nodes as it counts, and one under its own name without a count", () => {
    const names = manifests([{ name: "a", count: 2 }, { name: "b" }, { name: "c", count: 0 }]).map(
      (node) => node.metadata.name,
    );
    expect(names).toEqual(["a-0", "a-1", "b"]);
  });

  it("becomes capacity, instance type and taints", () => {
    const taints = [{ key: "nvidia.com/gpu", value: "true", effect: "NoSchedule" }];
    const [node] = manifests([
      { name: "g6", instanceType: "g6.xlarge", cpu: "3920m", memory: "14Gi", gpus: 1, pods: 58, taints },
    ]);
    expect(node?.status.allocatable).toEqual({
      cpu: "3920m",
      memory: "14Gi",
      pods: "58",
      "ephemeral-storage": "100Gi",
      "nvidia.com/gpu": "1",
    });
    expect(node?.metadata.labels["node.kubernetes.io/instance-type"]).toBe("g6.xlarge");
    expect(node?.spec.taints).toEqual(taints);
  });

  it("cannot take a node away from this tool by a label", () => {
    const [node] = manifests([{ name: "a", labels: { "app.kubernetes.io/managed-by": "me" } }]);
    expect(node?.metadata.labels["app.kubernetes.io/managed-by"]).toBe("mlops-embedded");
  });

  it("is refused with every problem and its place", () => {
    const bad = [
      { name: "Node_1", cpu: "four", gpu: 1 },
      { name: "b", labels: { "-": "x" }, taints: [{ key: "k", effect: "Never" }] },
    ];
    const message = messageOf(() => parseNodeDescription(bad, "nodes.json"));
    for (const part of [
      "nodes.json",
      "[0].name",
      "[0].cpu",
      "Kubernetes quantity",
      '"gpu"',
      "[1].labels",
      "[1].taints[0].effect",
    ]) {
      expect(message).toContain(part);
    }
  });

  it("is refused if two nodes would have one name", () => {
    expect(messageOf(() => parseNodeDescription([{ name: "a", count: 1 }, { name: "a-0" }], "x"))).toContain(
      "two nodes would be called a-0",
    );
  });

  it("says which file cannot be read", () => {
    const file = temporaryPath();
    expect(() => readNodeDescription(file)).toThrow(file);
    writeFileSync(file, "[{]");
    expect(() => readNodeDescription(file)).toThrow(file);
  });

  it("gives every node its own name and address, whatever the counts", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 6 }), (counts) => {
        const groups = counts.map((count, index) => ({ name: `group${index}`, count }));
        const nodes = manifests(groups);
        expect(nodes.length).toBe(counts.reduce((sum, count) => sum + count, 0));
        expect(new Set(nodes.map((node) => node.metadata.name)).size).toBe(nodes.length);
        const addresses = nodes.map((node) => node.status.addresses[0]?.address ?? "");
        expect(new Set(addresses).size).toBe(nodes.length);
        for (const address of addresses) expect(address).toMatch(/^198\.1[89]\.(\d{1,3})\.(\d{1,3})$/);
      }),
      { numRuns: 30 },
    );
  });

  it("parses what it has parsed to the same", () => {
    expect(nodeDescriptionSchema.parse(defaultNodes)).toEqual(defaultNodes);
  });
});

describe("mergeTaints", () => {
  it("keeps Kubernetes's own taints and drops what is no longer described", () => {
    const own = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
    const old = { key: "old", effect: "NoSchedule" };
    const described = { key: "new", effect: "NoExecute" };
    expect(mergeTaints([described], [own, old])).toEqual([described, own]);
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}
