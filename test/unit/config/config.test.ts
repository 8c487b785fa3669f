import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../config/problems.ts";
import { parseConfig } from "../../../config.ts";
import { readStackFile } from "../../../tools/stack/configCopy.ts";
import { trackedConfig } from "../../../tools/stack/paths.ts";
import { rawConfig } from "../../../tools/stack/rawConfig.ts";

const fixture: Record<string, string> = {
  ...rawConfig(readStackFile(trackedConfig("local")).config ?? {}),
  "mlops:cluster": "embedded",
};

function problemsOf(change: Record<string, string | undefined>, secret: string[] = []): string[] {
  const raw = Object.fromEntries(
    Object.entries({ ...fixture, ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  try {
    parseConfig(raw, new Set(secret));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((p) => `${p.key}=${p.value}: ${p.message}`);
  }
}

const trackedAws = rawConfig(readStackFile(trackedConfig("aws")).config ?? {});

describe("parseConfig", () => {
  it("accepts the tracked stack files and fills in defaults", () => {
    const config = parseConfig(fixture, new Set());
    expect(config).toMatchObject({
      environment: "local",
      size: "small",
      cluster: "embedded",
      ingressPort: 8080,
    });
    expect(config.teams).toHaveLength(1);
    const own = {
      "mlops:accountId": "123456789012",
      "mlops:owner": "owner@example.com",
      "mlops:api": '{"publicAccessCidrs":["203.0.113.7/32"]}',
    };
    const aws = parseConfig({ ...trackedAws, ...own }, new Set());
    expect(aws).toMatchObject({ environment: "aws", region: "us-east-1", size: "small", retain: true });
  });

  it("asks whoever starts on aws for what only they know, and for nothing else", () => {
    expect(() => parseConfig(trackedAws, new Set())).toThrow(/has 3 problem\(s\)/);
    expect(() => parseConfig(trackedAws, new Set())).toThrow(
      /mlops:accountId: missing[\s\S]*mlops:owner: missing[\s\S]*mlops:api: set api.publicAccessCidrs/,
    );
  });

  it("ignores keys of other namespaces", () => {
    expect(problemsOf({ "aws:region": "eu-central-1" })).toEqual([]);
  });

  it("reports every problem at once, with key, value and what is allowed", () => {
    const problems = problemsOf({
      "mlops:size": "tiny",
      "mlops:chartDir": "x",
      "mlops:ingressPort": '"http"',
      "mlops:cluster": "kind",
    });
    expect(problems).toEqual([
      "mlops:size=tiny: allowed: small, production",
      "mlops:cluster=kind: allowed: embedded, k3d, existing",
      'mlops:ingressPort="http": must be a number',
      "mlops:chartDir=x: unknown key; did you mean mlops:chartsDir?",
    ]);
  });

  it("names the known keys when a key resembles none", () => {
    expect(problemsOf({ "mlops:zzzzzzzz": "1" })[0]).toMatch(
      /unknown key; known on this stack: environment, size,/,
    );
  });

  it("says which environments there are", () => {
    expect(problemsOf({ "mlops:environment": "gcp" })).toEqual([
      "mlops:environment=gcp: allowed: local, aws",
    ]);
    expect(problemsOf({ "mlops:environment": undefined })).toEqual([
      "mlops:environment=undefined: allowed: local, aws",
    ]);
  });

  it("does not print the value of a secret", () => {
    const [problem] = problemsOf({ "mlops:size": "hunter2" }, ["mlops:size"]);
    expect(problem).toBe("mlops:size=undefined: allowed: small, production");
    expect(problemsOf({ "mlops:context": "hunter2" }, ["mlops:context"])).toEqual([
      "mlops:context=undefined: only for cluster `existing`",
    ]);
  });

  it("refuses a range outside of the ports a user may open", () => {
    expect(problemsOf({ "mlops:ingressPort": "80" })).toEqual([
      "mlops:ingressPort=80: must be at least 1024",
    ]);
    expect(problemsOf({ "mlops:ingressPort": "5555" })).toEqual([
      "mlops:registryPort=5555: is the ingress port too; choose another",
    ]);
  });

  it("wants a context for an existing cluster, and only there", () => {
    expect(problemsOf({ "mlops:cluster": "existing" })).toEqual([
      "mlops:context=undefined: missing; cluster `existing` needs the kubeconfig context to use",
    ]);
    expect(problemsOf({ "mlops:cluster": "existing", "mlops:context": "homelab" })).toEqual([]);
    expect(problemsOf({ "mlops:context": "homelab" })).toEqual([
      "mlops:context=homelab: only for cluster `existing`",
    ]);
  });

  it("refuses GPUs without accelerator, accelerators without GPUs, twins and two servers", () => {
    const node = { name: "a", role: "server", cpu: 2, memory: "4Gi" };
    const nodes = (...extra: object[]): Record<string, string> => ({
      "mlops:nodes": JSON.stringify([node, ...extra]),
    });
    expect(problemsOf(nodes({ name: "b", role: "agent", cpu: 2, memory: "4Gi", gpus: 1 }))).toEqual([
      "mlops:nodes.1.gpus=1: node b has GPUs but no accelerator; set accelerator to l4 or t4",
    ]);
    expect(problemsOf(nodes({ name: "b", role: "agent", cpu: 2, memory: "4Gi", accelerator: "l4" }))).toEqual(
      ["mlops:nodes.1.accelerator=l4: node b has an accelerator but no GPUs; set gpus"],
    );
    expect(problemsOf(nodes(node))).toEqual([
      "mlops:nodes.name=a: two nodes have this name",
      "mlops:nodes.role=2 server(s): exactly one node must have role server",
    ]);
  });

  it("knows that k3d simulates one GPU a node", () => {
    const nodes = JSON.parse(fixture["mlops:nodes"] ?? "").map((n: { gpus?: number }) =>
      n.gpus ? { ...n, gpus: 2 } : n,
    );
    const change = { "mlops:nodes": JSON.stringify(nodes), "mlops:cluster": "k3d" };
    expect(problemsOf(change)[0]).toBe(
      "mlops:nodes.1.gpus=2: node mlops-agent-0 can have one simulated GPU on k3d; describe more nodes instead",
    );
    expect(problemsOf({ ...change, "mlops:cluster": "embedded" })).toEqual([]);
  });

  it("points into structured values", () => {
    expect(problemsOf({ "mlops:teams": '[{"name":"Team A"}]' })[0]).toMatch(
      /^mlops:teams\.0\.name="Team A": must be a DNS label/,
    );
    expect(problemsOf({ "mlops:teams": "[{" })).toEqual(["mlops:teams=[{: must be a list"]);
  });

  it("takes tags and amounts that are written as numbers", () => {
    for (const tag of ["20261122", "1.10"]) {
      const config = parseConfig({ ...fixture, "mlops:servingImage": tag }, new Set());
      expect(config.servingImage).toBe(tag);
    }
    const teams = JSON.stringify([{ name: "team-a", cpu: 8, memory: "512M" }]);
    expect(parseConfig({ ...fixture, "mlops:teams": teams }, new Set()).teams[0]?.cpu).toBe("8");
    const stepImages = JSON.stringify({ training: 7, deployment: 7, benchmark: "0.1.0" });
    expect(parseConfig({ ...fixture, "mlops:stepImages": stepImages }, new Set()).stepImages).toMatchObject({
      training: "7",
    });
  });

  it("refuses what Kubernetes would refuse later: amounts, labels, images", () => {
    for (const amount of ['"0"', '"8K"', '"16GB"', "-1", "true"]) {
      expect(problemsOf({ "mlops:teams": `[{"name":"a","memory":${amount}}]` })[0]).toContain(
        "must be a Kubernetes quantity such as 4, 500m or 16Gi",
      );
    }
    const nodes = (labels: object): Record<string, string> => ({
      "mlops:nodes": JSON.stringify([{ name: "a", role: "server", cpu: 2, memory: "4Gi", labels }]),
    });
    expect(problemsOf(nodes({ "a b": "c" }))[0]).toMatch(
      /labels\.a b.*must be named by a Kubernetes label key/,
    );
    expect(problemsOf(nodes({ a: "b c" }))[0]).toMatch(/labels\.a="b c": must be a Kubernetes label value/);
    expect(problemsOf(nodes({ "example.com/a_b": "", "node-role": "training" }))).toEqual([]);
    const existing = { "mlops:cluster": "existing", "mlops:context": "homelab" };
    const registry = (value: string): string[] => problemsOf({ ...existing, "mlops:imageRegistry": value });
    expect(registry("https://registry.example.com/mlops")[0]).toContain("without a scheme");
    expect(registry("registry.example.com/mlops/")[0]).toContain("without a scheme");
    expect(registry("registry.example.com:5000/my-team/mlops_images")).toEqual([]);
  });

  it("refuses teams whose namespace is not free", () => {
    const teams = JSON.stringify([{ name: "argocd" }, { name: "kube-system" }, { name: "team-a" }]);
    expect(problemsOf({ "mlops:teams": teams })).toEqual([
      "mlops:teams.0.name=argocd: the namespace of this name is the cluster's or the platform's own",
      "mlops:teams.1.name=kube-system: the namespace of this name is the cluster's or the platform's own",
    ]);
  });

  it("notices a misspelt namespace, whose keys nobody would read", () => {
    expect(problemsOf({ "mlop:size": "production" })).toEqual([
      "mlop:size=production: unknown namespace; did you mean mlops:size?",
    ]);
    expect(problemsOf({ "aws:region": "us-east-1", "kubernetes:context": "x" })).toEqual([]);
  });

  it("says what is wrong in plain words", () => {
    expect(problemsOf({ "mlops:chartsDir": "" })).toEqual(["mlops:chartsDir=: must not be empty"]);
    expect(problemsOf({ "mlops:llm": "false" })).toEqual([
      "mlops:llm=false: must be a map of keys to values",
    ]);
    expect(problemsOf({ "mlops:keptVersions": "1.5" })).toEqual([
      "mlops:keptVersions=1.5: must be a whole number",
    ]);
  });

  it("throws nothing but ConfigError on any configuration", () => {
    const keys = fc.constantFrom(
      ...Object.keys(fixture),
      "mlops:x",
      "mlops:llm",
      "mlops:gitops",
      "mlops:teams",
    );
    fc.assert(
      fc.property(fc.dictionary(keys, fc.oneof(fc.json(), fc.string())), (change) => {
        problemsOf(change);
      }),
    );
  });
});
