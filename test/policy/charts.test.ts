import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { charts } from "../../charts.ts";
import { readExceptions } from "../../policy/charts/exceptions.ts";
import { rules } from "../../policy/rules/catalog.ts";
import { runCli } from "./cliDoor.ts";

const deployment = `# Source: cache/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: cache-server}
spec:
  selector: {matchLabels: {app: cache}}
  template:
    metadata: {labels: {app: cache}}
    spec:
      serviceAccountName: cache
      containers:
        - name: cache
          image: docker.io/library/redis:latest
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}
`;

const exception = {
  rule: "image-tag",
  chart: "cache",
  objects: ["Deployment/cache-*"],
  owner: "platform",
  reason: "The chart has no value for this image.",
  expires: "2026-12-31",
};

async function runCharts(
  exceptions: readonly object[],
  options: { today?: string; files?: Record<string, string> } = {},
) {
  const files = { "out/caching/cache.yaml": deployment, ...options.files };
  const all = { ...files, "exceptions.yaml": JSON.stringify({ exceptions }) };
  const argv = ["charts", "--rendered", "out", "--exceptions", "exceptions.yaml"];
  return runCli(argv, all, options.today ?? "2026-11-21");
}

describe("rendered charts", () => {
  test("fail on a finding that nothing excepts", async () => {
    const { code, output } = await runCharts([]);
    expect(code).toBe(1);
    expect(output).toContain(
      "out/caching/cache.yaml:13:18: error [image-tag] Deployment caching/cache-server",
    );
  });

  test("pass when an exception covers each finding", async () => {
    const { code, output } = await runCharts([exception]);
    expect([code, output]).toEqual([0, "objects 1, errors 0, advice 0, deferred 0, unreadable files 0\n"]);
  });

  test("an exception holds on its last day and not after it", async () => {
    expect((await runCharts([exception], { today: "2026-12-31" })).code).toBe(0);
    const { code, output } = await runCharts([exception], { today: "2027-01-01" });
    expect(code).toBe(1);
    expect(output).toContain("[exception-expired]");
    expect(output).toContain("[image-tag]");
  });

  test.each([
    ["of another rule", { rule: "image-registry" }],
    ["of another object", { objects: ["Deployment/cache"] }],
    ["of another kind", { objects: ["StatefulSet/cache-*"] }],
  ])("an exception %s lets nothing through and is unused", async (_title, change) => {
    const { code, output } = await runCharts([{ ...exception, ...change }]);
    expect(code).toBe(1);
    expect(output).toContain("exceptions.yaml:1:16: error [exception-unused]");
    expect(output).toContain("[image-tag]");
  });

  test("an exception of a chart or stack that is not looked at may be needed elsewhere", async () => {
    const elsewhere = [exception, { ...exception, chart: "other" }, { ...exception, stacks: ["aws"] }];
    expect((await runCharts(elsewhere)).code).toBe(0);
  });

  test("an expired exception fails even where its chart is not looked at", async () => {
    const { code, output } = await runCharts([
      exception,
      { ...exception, chart: "other", expires: "2026-01-01" },
    ]);
    expect([code, output]).toEqual([1, expect.stringContaining("[exception-expired] exception 2")]);
  });

  test("objects without a namespace are in that of the release", async () => {
    const gpu = deployment.replace("memory: 128Mi}}", 'memory: 128Mi, "nvidia.com/gpu": 1}}');
    const files = {
      "out/caching/cache.yaml": gpu,
      "c.yaml": "namespaces: {team-a: {gpuQuota: 1, maximumGpus: 1}}",
    };
    const argv = ["charts", "--rendered", "out", "--exceptions", "e.yaml", "--context", "c.yaml"];
    const { output } = await runCli(argv, { ...files, "e.yaml": "exceptions: []" });
    expect(output).toContain("namespace caching has no GPU quota");
  });

  test.each([
    ["no owner", { owner: "" }],
    ["no reason", { reason: "" }],
    ["a date that there is not", { expires: "2026-02-30" }],
    ["an unknown field", { until: "2026-12-31" }],
    ["an object without kind", { objects: ["cache"] }],
  ])("an exception with %s is unreadable", async (_title, change) => {
    const { code, complaints } = await runCharts([{ ...exception, ...change }]);
    expect(code).toBe(2);
    expect(complaints).toContain("exceptions.yaml");
    expect(complaints).toContain(Object.keys(change)[0]);
  });

  test("a chart that cannot be read does not stop the others", async () => {
    const { code, output } = await runCharts([exception], { files: { "out/caching/broken.yaml": "a: [" } });
    expect(code).toBe(2);
    expect(output).toContain("out/caching/broken.yaml: unreadable");
    expect(output).not.toContain("exception-unused");
  });

  test("a folder without charts is an error", async () => {
    const argv = ["charts", "--rendered", "empty", "--exceptions", "e.yaml"];
    const { code, complaints } = await runCli(argv, { "empty/readme": "", "e.yaml": "exceptions: []" });
    expect([code, complaints]).toEqual([2, "empty holds no NAMESPACE/CHART.yaml\n"]);
  });
});

test("our exceptions name charts and rules that there are", () => {
  const file = readFileSync(`${import.meta.dirname}/../../policy/exceptions.yaml`, "utf8");
  const exceptions = readExceptions(parse(file));
  // One for a chart that is gone is never looked at, and so never found to be unused.
  for (const { chart, rule } of exceptions) {
    expect(Object.keys(charts)).toContain(chart);
    expect(rules.map(({ name }) => name)).toContain(rule);
  }
});
