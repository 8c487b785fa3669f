import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PrepareContext } from "../../../components/platform/system.ts";
import { systems } from "../../../components/platform/systems.ts";
import type { ClusterTarget, TargetFacts } from "../../../components/target.ts";
import { cloud, k3d, keys, options } from "./contexts.ts";

interface Made {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs of many kinds
  readonly inputs: any;
}

let made: Made[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs, id }) => {
      made.push({ type, name, inputs });
      const state = type.startsWith("random:")
        ? { ...inputs, result: `result of ${name}`, bcryptHash: `hash of ${name}` }
        : { ...inputs, data: { token: Buffer.from("t0ken").toString("base64") } };
      return { id: id ?? `${name}-id`, state };
    },
    call: ({ inputs }) => inputs,
  });
});

beforeEach(() => {
  made = [];
});

function contextOf(facts: TargetFacts, extra: Partial<PrepareContext> = {}): PrepareContext {
  const provider = new k8s.Provider("test", { kubeconfig: "{}" });
  const namespace = new pulumi.ComponentResource("test:Namespace", "namespace");
  const target: ClusterTarget = {
    ...facts,
    provider,
    kubeconfig: pulumi.secret("{}"),
    url: () => undefined,
    dependsOn: [],
  };
  const parent = new pulumi.ComponentResource("test:Platform", "platform");
  return { target, size: "small", options, parent, namespace, namespaceOf: () => namespace, ...extra };
}

async function settle<T>(work: () => T): Promise<T> {
  const result = work();
  await pulumi.runtime.disconnect();
  return result;
}

const kinds = (kind: string): Made[] => made.filter(({ type }) => type.endsWith(`:${kind}`));
/** What stands in a property that goes to the engine encrypted; undefined when it would go in the clear. */
const encrypted = (property: Record<string, unknown> | undefined): unknown =>
  property?.[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig ? property.value : undefined;
const plain = <T>(value: pulumi.Input<T>): Promise<T> =>
  new Promise((resolve) => pulumi.output(value).apply((v) => resolve(v as T)));

describe("argo-cd", () => {
  it("hands the password to a person and only its hash to the cluster", async () => {
    const prepared = await settle(() => systems["argo-cd"].prepare?.(contextOf(k3d)));
    const secret = kinds("Secret").find(({ inputs }) => inputs.metadata.name === "argocd-secret");
    expect(secret?.inputs.metadata).toMatchObject({
      namespace: "argocd",
      labels: { "app.kubernetes.io/part-of": "argocd" },
    });
    const contents = JSON.stringify(encrypted(secret?.inputs.stringData));
    expect(contents).toContain("hash of argocd-admin-password");
    expect(contents).not.toContain("result of argocd-admin-password");
    const password = prepared?.credentials?.password;
    expect(await plain(password ?? "")).toBe("result of argocd-admin-password");
  });

  it("makes the projects always, the root application only for a repository", async () => {
    const release = new pulumi.ComponentResource("test:Release", "release");
    await settle(() => systems["argo-cd"].after?.(contextOf(k3d), release));
    const projects = kinds("AppProject").map(({ inputs }) => inputs.metadata.name);
    expect(projects.sort()).toEqual(["default", "mlops", "mlops-applications"]);
    expect(kinds("Application")).toEqual([]);
    const gitops = { repository: "https://git.example/r.git", revision: "main", path: "gitops" };
    await settle(() =>
      systems["argo-cd"].after?.(contextOf(k3d, { options: { ...options, gitops } }), release),
    );
    expect(kinds("Application").map(({ inputs }) => inputs.spec.source.repoURL)).toEqual([gitops.repository]);
  });
});

describe("minio", () => {
  it("runs under the keys that the target hands to its clients", async () => {
    await settle(() => systems.minio.prepare?.(contextOf(k3d)));
    const [secret] = kinds("Secret");
    expect(secret?.inputs.metadata).toEqual({ name: "minio-root", namespace: "minio" });
    expect(encrypted(secret?.inputs.stringData)).toEqual({
      rootUser: keys.accessKeyId,
      rootPassword: keys.secretAccessKey,
    });
  });

  it("is an error on a target without keys", () => {
    expect(() => systems.minio.prepare?.(contextOf(cloud))).toThrow("objectStore.keys");
  });
});

describe("kube-prometheus-stack", () => {
  it("makes Grafana's Secret and a dashboard that Grafana finds by label", async () => {
    await settle(() => systems["kube-prometheus-stack"].prepare?.(contextOf(k3d)));
    expect(kinds("Secret")[0]?.inputs.metadata.name).toBe("grafana-admin");
    expect(kinds("ConfigMap")[0]?.inputs.metadata.labels).toEqual({ grafana_dashboard: "1" });
  });
});

describe("argo-workflows", () => {
  it("gives a person a bearer token of an account that mounts none", async () => {
    const prepared = await settle(() => systems["argo-workflows"].prepare?.(contextOf(k3d)));
    expect(kinds("ServiceAccount")[0]?.inputs.automountServiceAccountToken).toBe(false);
    const token = prepared?.credentials?.token;
    expect(await plain(token ?? "")).toBe("Bearer t0ken");
    expect(await pulumi.isSecret(pulumi.output(token))).toBe(true);
  });

  it("lets that user read one Secret, and none where the store needs none", async () => {
    const secretRules = (): unknown[] =>
      kinds("ClusterRole").flatMap(({ inputs }) =>
        inputs.rules.filter((rule: { resources: string[] }) => rule.resources.includes("secrets")),
      );
    await settle(() => systems["argo-workflows"].prepare?.(contextOf(k3d)));
    expect(secretRules()).toEqual([
      { apiGroups: [""], resources: ["secrets"], resourceNames: ["object-store"], verbs: ["get"] },
    ]);
    made = [];
    await settle(() => systems["argo-workflows"].prepare?.(contextOf(cloud)));
    expect(secretRules()).toEqual([]);
  });
});

describe("mlflow", () => {
  it("brings a volume for SQLite only", async () => {
    await settle(() => systems.mlflow.prepare?.(contextOf(k3d)));
    expect(kinds("PersistentVolumeClaim")[0]?.inputs.metadata.name).toBe("mlflow-sqlite");
    made = [];
    await settle(() => systems.mlflow.prepare?.(contextOf(cloud)));
    expect(kinds("PersistentVolumeClaim")).toEqual([]);
  });
});

describe("ray-cluster", () => {
  it("gives the head alone a token, and both the roles of the target", async () => {
    await settle(() => systems["ray-cluster"].prepare?.(contextOf(cloud)));
    expect(
      kinds("ServiceAccount").map(({ inputs }) => [
        inputs.metadata.name,
        inputs.automountServiceAccountToken,
        inputs.metadata.annotations.role,
      ]),
    ).toEqual([
      ["ray-head", true, "ray/ray-head"],
      ["ray-worker", false, "ray/ray-worker"],
    ]);
  });
});

describe("fake-gpu-operator", () => {
  it("asks for one GPU of each class, aimed, owned, queued and limited in time", async () => {
    const release = new pulumi.ComponentResource("test:Release", "release");
    await settle(() => systems["fake-gpu-operator"].after?.(contextOf(k3d), release));
    const jobs = kinds("Job").map(({ inputs }) => inputs);
    expect(jobs.map((job) => job.metadata.name)).toEqual(["gpu-smoke-l4", "gpu-smoke-t4"]);
    for (const [index, name] of ["l4", "t4"].entries()) {
      const job = jobs[index];
      const pod = job.spec.template.spec;
      expect(pod.nodeSelector).toEqual({ "mlops.dev/accelerator": name });
      expect(pod.containers[0].resources.limits["nvidia.com/gpu"]).toBe("1");
      expect(pod.containers[0].resources.requests["nvidia.com/gpu"]).toBe("1");
      expect(job.metadata.labels).toEqual({ "mlops.dev/owner": "platform", "mlops.dev/queue": "smoke" });
      expect(job.spec.activeDeadlineSeconds).toBe(300);
    }
  });
});

describe("every object that a system makes itself", () => {
  it("goes with the cluster where the cluster can vanish", async () => {
    const without: string[] = [];
    let count = 0;
    const cluster = new pulumi.ComponentResource("test:Cluster", "cluster");
    const context = contextOf(k3d);
    const look: pulumi.ResourceTransformation = ({ type, name, opts, props }) => {
      if (type.startsWith("kubernetes:")) {
        count += 1;
        if ((opts as pulumi.CustomResourceOptions).deletedWith !== cluster) without.push(`${type} ${name}`);
      }
      return { props, opts };
    };
    await settle(() => {
      for (const system of Object.values(systems)) {
        const parent = new pulumi.ComponentResource(
          `test:${system.chart}`,
          system.chart,
          {},
          { transformations: [look] },
        );
        const target = { ...context.target, deletedWith: cluster };
        system.prepare?.({ ...context, parent, target });
        system.after?.({ ...context, parent, target }, cluster);
      }
    });
    expect(count).toBeGreaterThan(15);
    expect(without).toEqual([]);
  });
});
