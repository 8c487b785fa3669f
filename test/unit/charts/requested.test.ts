import { describe, expect, it } from "vitest";
import type { OutlineWorkload } from "../../../tools/charts/outline.ts";
import { parseQuantity, type Requested, requestedBy } from "../../../tools/charts/requested.ts";
import { outlineWith } from "./support.ts";

const web: OutlineWorkload = {
  kind: "Deployment",
  name: "web",
  replicas: 2,
  containers: [{ name: "main", requests: { cpu: "250m", memory: "128Mi" } }],
};

function sumOf(workload: Partial<OutlineWorkload>, nodes = 1): Requested {
  return requestedBy(
    new Map([["tiny", outlineWith({ workloads: [{ ...web, ...workload }] })]]),
    "small",
    nodes,
  ).total;
}

describe("a quantity", () => {
  it.each([
    ["100m", 0.1],
    ["2", 2],
    ["0.5", 0.5],
    ["1Gi", 1_073_741_824],
    ["512M", 512e6],
    ["64Ki", 65_536],
  ])("%s is %d", (text, value) => expect(parseQuantity(text)).toBeCloseTo(value, 9));

  it.each(["", "1 Gi", "lots", "-1", "1Zi"])("%j is refused", (text) => {
    expect(() => parseQuantity(text)).toThrow("quantity");
  });
});

describe("what is requested", () => {
  it("counts every replica", () => expect(sumOf({})).toEqual({ cpu: 0.5, memory: 2 * 128 * 2 ** 20 }));

  it("counts a DaemonSet on every node", () =>
    expect(sumOf({ kind: "DaemonSet", replicas: 1 }, 4).cpu).toBeCloseTo(1));

  it.each([
    { hook: "pre-install", kind: "Job" },
    { kind: "Job" },
    { kind: "CronJob" },
  ] as const)("leaves out what ends: %j", (over) => expect(sumOf(over)).toEqual({ cpu: 0, memory: 0 }));

  it("takes the limit where no request is given", () => {
    expect(sumOf({ replicas: 1, containers: [{ name: "main", limits: { cpu: "1" } }] }).cpu).toBe(1);
  });

  it("takes an init container only where it asks for more than the containers together", () => {
    const init = (cpu: string) => [{ name: "init", requests: { cpu } }];
    expect(sumOf({ replicas: 1, initContainers: init("200m") }).cpu).toBeCloseTo(0.25);
    expect(sumOf({ replicas: 1, initContainers: init("400m") }).cpu).toBeCloseTo(0.4);
  });

  it("adds sidecars to the containers, and to the init containers that come after them", () => {
    const sidecar = { name: "sidecar", restartPolicy: "Always", requests: { cpu: "100m" } };
    const init = { name: "init", requests: { cpu: "400m" } };
    expect(sumOf({ replicas: 1, initContainers: [sidecar] }).cpu).toBeCloseTo(0.35);
    expect(sumOf({ replicas: 1, initContainers: [sidecar, init] }).cpu).toBeCloseTo(0.5);
    expect(sumOf({ replicas: 1, initContainers: [init, sidecar] }).cpu).toBeCloseTo(0.4);
  });

  it("is told for each chart and in all, at the size asked for", () => {
    const outlines = new Map([
      ["one", outlineWith({ workloads: [web] })],
      ["two", outlineWith({ workloads: [{ ...web, replicas: 1 }] })],
    ]);
    const small = requestedBy(outlines, "small", 1);
    expect(small.charts.one?.cpu).toBe(0.5);
    expect(small.charts.two?.cpu).toBe(0.25);
    expect(small.total.cpu).toBe(0.75);
    expect(requestedBy(outlines, "production", 1).total).toEqual({ cpu: 0, memory: 0 });
  });
});
