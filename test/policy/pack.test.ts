import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { charts } from "../../charts.ts";
import { policiesOf } from "../../policy/pack/policies.ts";
import { platformContext, readStackConfig } from "../../policy/platform.ts";
import { rules, stackRules } from "../../policy/rules/catalog.ts";
import { withValue } from "../../policy/rules/json.ts";
import { corpusContext } from "./corpus.ts";
import { gpuJob, release, repository } from "./fixtures.ts";
import { type DeclaredResource, reportsOn } from "./packDoor.ts";

const JOB = "kubernetes:batch/v1:Job";
const RELEASE = "kubernetes:helm.sh/v3:Release";
const REPOSITORY = "aws:ecr/repository:Repository";
const IMAGE = ["spec", "template", "spec", "containers", 0, "image"];
const UNKNOWN = Symbol("unknown");

/** Inputs as CrossGuard hands them over in a preview: reading one that is not known throws. */
function withUnknowns<T extends object>(inputs: T): T {
  return new Proxy(inputs, {
    get: (target, key) => {
      const value = Reflect.get(target, key) as unknown;
      if (value === UNKNOWN) throw new Error(`${String(key)} can't be known during preview`);
      return typeof value === "object" && value !== null ? withUnknowns(value) : value;
    },
  });
}

async function report(type: string, inputs: unknown): Promise<string[]> {
  const resource: DeclaredResource = { type, name: "x", inputs: inputs as Record<string, unknown> };
  return (await reportsOn(resource, corpusContext("local"))).map(([policy]) => policy);
}

function policyNamed(name: string, context = corpusContext("local")): ResourceValidationPolicy {
  return policiesOf(() => context).find((policy) => policy.name === name) as ResourceValidationPolicy;
}

describe("the pack", () => {
  test("has a policy for every rule, with its level and settings", () => {
    const policies = policiesOf(() => corpusContext("local"));
    const named = new Map(policies.map((policy) => [policy.name, policy]));
    for (const rule of [...rules, ...stackRules]) {
      expect(named.get(rule.name)).toMatchObject({
        enforcementLevel: rule.level,
        description: rule.description,
      });
    }
    expect(policies).toHaveLength(rules.length + stackRules.length + 1);
    for (const { configSchema } of policies) {
      for (const knob of Object.values(configSchema?.properties ?? {})) {
        expect(knob.default).toBeDefined();
        expect(knob.description).toBeDefined();
      }
    }
  });

  test("leaves resources of others alone", async () => {
    for (const type of [
      "random:index/randomPassword:RandomPassword",
      "pulumi:providers:kubernetes",
      "mlops:x:Y",
    ]) {
      expect(await report(type, withValue(gpuJob, IMAGE, "x:latest"))).toEqual([]);
    }
  });

  test("judges the objects that a release's values state, and says which one it was", async () => {
    const job = withValue(gpuJob, IMAGE, "registry.example.com/train:latest") as Record<string, unknown>;
    const withManifests = (...manifests: unknown[]): DeclaredResource => ({
      type: RELEASE,
      name: "pipelines",
      inputs: { ...release, values: { manifests } },
    });
    const [clean, bad] = [gpuJob, job].map((object) => JSON.stringify(object));
    const context = corpusContext("local");
    expect(await reportsOn(withManifests(clean), context)).toEqual(await reportsOn(withManifests(), context));
    const found = await reportsOn(withManifests("no: JSON", 7, UNKNOWN, clean, bad), context);
    expect(found).toContainEqual(["image-tag", expect.stringMatching(/^Job team-a\/train: .*latest/)]);
    // What can be added to an object cannot be added to its text.
    for (const { name } of rules.filter((rule) => rule.remediate && rule.target === "kubernetes")) {
      const args = { type: RELEASE, props: withManifests(bad).inputs } as unknown as ResourceValidationArgs;
      expect(policyNamed(name).remediateResource?.(args)).toBeUndefined();
    }
  });

  test("judges the rest of an object of which a preview does not know everything", async () => {
    const unknownImage = withUnknowns(withValue(gpuJob, IMAGE, UNKNOWN) as object);
    expect(await report(JOB, unknownImage)).toEqual(["deferred-to-admission"]);
    const privileged = withValue(gpuJob, ["spec", "template", "spec", "hostPID"], true);
    const both = withUnknowns(withValue(privileged, IMAGE, UNKNOWN) as object);
    expect(await report(JOB, both)).toEqual(["no-host-namespaces", "deferred-to-admission"]);
  });

  test("knows the kind of objects that leave it out, and of patches", async () => {
    const {
      apiVersion: _version,
      kind: _kind,
      ...bare
    } = withValue(gpuJob, IMAGE, "x:latest") as typeof gpuJob;
    expect(await report(JOB, bare)).toEqual(["image-tag"]);
    expect(await report("kubernetes:batch/v1:JobPatch", bare)).toEqual(["image-tag"]);
  });

  test("takes settings of a rule from CrossGuard", async () => {
    const { validateResource } = policyNamed("gpu-deadline");
    const reported: string[] = [];
    const getConfig = () => ({ maximumSeconds: 60 });
    const urn = "urn:pulumi:local::mlops::x::y";
    const args = { type: JOB, props: gpuJob, urn, getConfig } as unknown as ResourceValidationArgs;
    await [validateResource ?? []].flat()[0]?.(args, (message) => reported.push(message));
    expect(reported).toEqual([expect.stringContaining("between 1 and 60 seconds")]);
  });
});

test.each([
  ["that no rule has", { maximumsecond: 60 }, /gpu-deadline: .*maximumsecond/],
  ["of a wrong value", { maximumSeconds: 0 }, /gpu-deadline\.maximumSeconds: /],
])("a setting %s is an error that names it", async (_title, settings, message) => {
  const { validateResource } = policyNamed("gpu-deadline");
  const urn = "urn:pulumi:local::mlops::x::y";
  const args = {
    type: JOB,
    props: gpuJob,
    urn,
    getConfig: () => settings,
  } as unknown as ResourceValidationArgs;
  expect(() => [validateResource ?? []].flat()[0]?.(args, () => {})).toThrow(message);
});

test("the end of a preview, which the pull request's workflow posts, shows findings and not the stack's outputs", () => {
  const file = readFileSync(`${import.meta.dirname}/../../.github/workflows/policy.yaml`, "utf8");
  expect(parse(file)).toMatchObject({ env: { PULUMI_OPTION_SUPPRESS_OUTPUTS: "true" } });
});

describe("remediation", () => {
  const mend = (policy: string, type: string, props: object, context = corpusContext("local")): unknown => {
    const args = { type, props, urn: "urn:pulumi:local::mlops::x::y", getConfig: () => ({}) };
    return policyNamed(policy, context).remediateResource?.(args as unknown as ResourceValidationArgs);
  };

  test("changes the inputs in place, so that secrets beside stay secret", () => {
    const inputs = structuredClone({ ...release, timeout: undefined });
    const { values } = inputs;
    expect(mend("release-timeout", RELEASE, inputs)).toBe(inputs);
    expect(inputs).toEqual(release);
    expect(inputs.values).toBe(values);
  });

  test("adds the tags whose values are known", () => {
    const context = { ...corpusContext("aws"), tags: { Project: "mlops", Stack: "prod" } };
    const inputs = { ...structuredClone(repository), tags: { Owner: "ada" } };
    mend("aws-required-tags", REPOSITORY, inputs, context);
    expect(inputs.tags).toEqual({ Owner: "ada", Project: "mlops", Stack: "prod" });
    const bare = {};
    mend("aws-required-tags", REPOSITORY, bare, context);
    expect(bare).toEqual({ tags: { Project: "mlops", Stack: "prod" } });
  });

  test("leaves alone what passes, what is of another type, and what someone wished", () => {
    const wished = withValue(gpuJob, ["spec", "template", "spec"], {
      ...gpuJob.spec.template.spec,
      serviceAccountName: "default",
      automountServiceAccountToken: true,
    }) as object;
    expect(mend("service-account-token", JOB, wished)).toBeUndefined();
    expect(mend("service-account-token", JOB, structuredClone(gpuJob))).toBeUndefined();
    expect(mend("release-timeout", JOB, {})).toBeUndefined();
  });
});

describe("the context of a stack", () => {
  test("is what its configuration says", () => {
    const context = platformContext("prod", {
      "mlops:environment": "aws",
      "mlops:accountId": "123456789012",
      "mlops:region": "eu-west-1",
      "mlops:owner": "ada@example.com",
      "mlops:teams": [{ name: "team-a", gpus: 3 }, { name: "team-b" }],
    });
    expect(context).toMatchObject({
      stack: "aws",
      registries: { own: ["123456789012.dkr.ecr.eu-west-1.amazonaws.com"] },
      namespaces: {
        "team-a": { gpuQuota: 3, maximumGpus: 3 },
        "team-b": { gpuQuota: 0, maximumGpus: 0 },
        pipelines: { gpuQuota: expect.any(Number) },
      },
      tags: { Project: "mlops", Stack: "prod", Owner: "ada@example.com" },
    });
    expect(context.systemNamespaces).toContain(charts["kube-prometheus-stack"].namespace);
    expect(context.chartRepositories).toContain(charts["argo-cd"].repository);
  });

  test("defers on namespaces where the configuration names none", () => {
    expect(platformContext("local", {}).namespaces).toBeUndefined();
  });

  test("is read from the working copy of the stack's file before the tracked one", () => {
    const folder = mkdtempSync(join(tmpdir(), "policy-"));
    try {
      expect(readStackConfig("prod", folder)).toBeUndefined();
      writeFileSync(join(folder, "Pulumi.prod.yaml"), "config: {mlops:environment: aws}\n");
      expect(readStackConfig("prod", folder)).toEqual({ "mlops:environment": "aws" });
      mkdirSync(join(folder, ".mlops/config"), { recursive: true });
      writeFileSync(join(folder, ".mlops/config/Pulumi.prod.yaml"), "encryptionsalt: x\n");
      expect(readStackConfig("prod", folder)).toEqual({});
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
