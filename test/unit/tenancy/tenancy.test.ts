import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import type { ChartName } from "../../../charts.ts";
import type { ClusterTarget, TargetFacts } from "../../../components/target.ts";
import { Tenancy } from "../../../components/tenancy/tenancy.ts";
import { cloud, k3d } from "../platform/contexts.ts";

interface Made {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs of many kinds
  readonly inputs: any;
}

let made: Made[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs, id }) => {
      made.push({ type, inputs });
      return { id: id ?? name, state: inputs };
    },
    call: ({ inputs }) => inputs,
  });
});

const teams = [{ name: "team-a", gpus: 2, cpu: "8", memory: "16Gi" }];
const systems: readonly ChartName[] = ["mlflow", "triton", "argo-workflows", "minio"];

async function make(facts: TargetFacts): Promise<Tenancy> {
  made = [];
  const target: ClusterTarget = {
    ...facts,
    provider: new k8s.Provider("test", { kubeconfig: "{}" }),
    kubeconfig: pulumi.secret("{}"),
    url: () => undefined,
    dependsOn: [],
  };
  const tenancy = new Tenancy("tenancy", { target, teams, systems });
  await pulumi.runtime.disconnect();
  return tenancy;
}

/** Kind, namespace and name of every object, sorted. */
function objects(kind: string): string[] {
  return made
    .filter(({ type }) => type.startsWith("kubernetes:") && type.endsWith(`:${kind}`))
    .map(({ inputs }) => [inputs.metadata.namespace, inputs.metadata.name].filter(Boolean).join("/"))
    .sort();
}

describe("Tenancy", () => {
  it("makes the namespaces of its systems, of the pipelines and of the teams", async () => {
    await make(k3d);
    expect(objects("Namespace")).toEqual(["argo", "minio", "mlflow", "pipelines", "serving", "team-a"]);
    expect(objects("ResourceQuota")).toEqual(["team-a/share"]);
    expect(objects("LimitRange")).toEqual(["pipelines/containers", "team-a/containers"]);
    for (const namespace of objects("Namespace")) {
      expect(objects("NetworkPolicy")).toContain(`${namespace}/default`);
    }
  });

  it("puts the store's keys where its clients run, once, and nowhere else", async () => {
    await make(k3d);
    const secrets = made.filter(({ type, inputs }) => type.endsWith(":Secret") && inputs.type === "Opaque");
    expect(secrets.map(({ inputs }) => inputs.metadata.namespace).sort()).toEqual([
      "mlflow",
      "pipelines",
      "serving",
      "team-a",
    ]);
    for (const { inputs } of secrets) {
      expect(inputs.metadata.name).toBe("object-store");
      expect(inputs.stringData[pulumi.runtime.specialSigKey]).toBe(pulumi.runtime.specialSecretSig);
    }
  });

  it("makes no Secret where service accounts have roles", async () => {
    await make(cloud);
    expect(made.filter(({ inputs }) => inputs.type === "Opaque")).toEqual([]);
    const training = made.find(
      ({ type, inputs }) => type.endsWith(":ServiceAccount") && inputs.metadata.name === "training",
    );
    expect(training?.inputs.metadata.annotations).toEqual({ role: "pipelines/training" });
  });

  it("mounts no token into any pod by default", async () => {
    await make(k3d);
    const accounts = made.filter(({ type }) => type.endsWith(":ServiceAccount"));
    expect(objects("ServiceAccount")).toEqual([
      "pipelines/deployment",
      "pipelines/training",
      "pipelines/workflow-executor",
      "team-a/training",
      "team-a/workflow-executor",
    ]);
    for (const { inputs } of accounts) expect(inputs.automountServiceAccountToken).toBe(false);
  });

  it("lets Argo's containers report results and do nothing else", async () => {
    await make(k3d);
    const roles = made.filter(({ type }) => type.endsWith(":Role"));
    expect(roles.map(({ inputs }) => inputs.rules)).toEqual(
      roles.map(() => [
        { apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"], verbs: ["create", "patch"] },
      ]),
    );
    const tokens = made.filter(({ inputs }) => inputs.type === "kubernetes.io/service-account-token");
    expect(tokens.map(({ inputs }) => inputs.metadata.name)).toEqual([
      "workflow-executor.service-account-token",
      "workflow-executor.service-account-token",
    ]);
  });

  it("lets the user of the workflows' UI into the namespaces that run workflows only", async () => {
    await make(k3d);
    expect(objects("RoleBinding").filter((name) => name.endsWith("workflows-user"))).toEqual([
      "pipelines/workflows-user",
      "team-a/workflows-user",
    ]);
  });

  it("gives namespaces to depend on, and names the ones it has otherwise", async () => {
    const tenancy = await make(k3d);
    expect(tenancy.namespace("mlflow")).toBeInstanceOf(pulumi.ComponentResource);
    expect(() => tenancy.namespace("monitoring")).toThrow(/"monitoring" is not one of .*mlflow/);
  });

  it("refuses a team that would take over a system's namespace, before making anything", async () => {
    const target = {} as ClusterTarget;
    const args = { target, systems, teams: [{ name: "mlflow", gpus: 0, cpu: "1", memory: "1Gi" }] };
    expect(() => new Tenancy("clash", args)).toThrow('team "mlflow"');
  });
});
