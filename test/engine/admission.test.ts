import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { guardBinding, loginGuards } from "../../components/aws/systems/login.ts";
import { admissionBindings, admissionParameters } from "../../policy/admission/bindings.ts";
import { admissionPolicies, admissionRules } from "../../policy/admission/policies.ts";
import { parseManifests } from "../../policy/manifests/parseManifests.ts";
import { blocks, check } from "../../policy/rules/evaluate.ts";
import type { Context } from "../../policy/rules/types.ts";
import { type ApiClient, createApiClient } from "../../tools/embedded/apiClient.ts";
import { destroy, start } from "../../tools/embedded/cluster.ts";
import { exec } from "../../tools/lib/exec.ts";
import { createLog } from "../../tools/lib/log.ts";
import { type CorpusEntry, corpusContext, expectedAt, readCorpus } from "../policy/corpus.ts";

type KubernetesObject = Record<string, unknown> & { readonly metadata: Record<string, unknown> };

/** Paths of the collections of what the corpus holds, up to the namespace and after it. */
const collections: Readonly<Record<string, readonly [string, string]>> = {
  "v1/Pod": ["/api/v1", "pods"],
  "v1/ReplicationController": ["/api/v1", "replicationcontrollers"],
  "v1/ConfigMap": ["/api/v1", "configmaps"],
  "apps/v1/Deployment": ["/apis/apps/v1", "deployments"],
  "apps/v1/StatefulSet": ["/apis/apps/v1", "statefulsets"],
  "apps/v1/DaemonSet": ["/apis/apps/v1", "daemonsets"],
  "apps/v1/ReplicaSet": ["/apis/apps/v1", "replicasets"],
  "batch/v1/Job": ["/apis/batch/v1", "jobs"],
  "batch/v1/CronJob": ["/apis/batch/v1", "cronjobs"],
};
const POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

/** Where no policy applies: what the API server makes of an object by itself shows here. */
const OPEN = "open";
const PARAMETERS = "policy-parameters";
const patience = { timeout: 30_000, interval: 200 };

const log = createLog({ write: () => {} });
let dir: string;
let kubeconfig: string;
let api: ApiClient;

beforeAll(async () => {
  dir = join(await mkdtemp(join(tmpdir(), "mlops-admission-")), "cluster");
  const cluster = await start({ dir, log, services: false });
  kubeconfig = cluster.handover.kubeconfig;
  api = clientOf(kubeconfig);
  for (const namespace of [OPEN, PARAMETERS, "team-a", "team-cpu", "monitoring", "existing", "forgotten"]) {
    await api.apply(
      { collection: "/api/v1/namespaces", name: namespace },
      named("v1", "Namespace", namespace),
    );
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    for (const name of ["trainer", "node-exporter"]) {
      await api.apply({ collection: accounts, name }, named("v1", "ServiceAccount", name));
    }
    // The API server refuses pods until the controller manager has made it.
    await vi.waitFor(async () => expect(await api.get(`${accounts}/default`)).toBeDefined(), patience);
  }
});

afterAll(async () => {
  api?.close();
  await destroy({ dir, log });
  await rm(join(dir, ".."), { recursive: true, force: true });
});

function clientOf(file: string): ApiClient {
  const { clusters, users } = parse(readFileSync(file, "utf8"));
  const { server, "certificate-authority-data": authority } = clusters[0].cluster;
  return createApiClient({
    port: Number(new URL(server).port),
    authority: Buffer.from(authority, "base64").toString(),
    token: users[0].user.token,
  });
}

function named(apiVersion: string, kind: string, name: string): object {
  return { apiVersion, kind, metadata: { name } };
}

/** What the API server answers to an object; nothing is stored. */
async function dryRun(
  object: KubernetesObject,
  namespace: string,
): Promise<{ status: number; body: KubernetesObject }> {
  const [group, plural] = collections[`${object.apiVersion}/${object.kind}`] ?? [];
  const placed = { ...object, metadata: { ...object.metadata, namespace } };
  const path = `${group}/namespaces/${namespace}/${plural}?dryRun=All`;
  const { status, body } = await api.send("POST", path, placed);
  return { status, body: JSON.parse(body) };
}

/** The rule that a policy's denial names. */
function rulesIn(message: unknown): string[] {
  return [...String(message).matchAll(/denied request: ([a-z-]+):/g)].map(([, rule]) => rule ?? "");
}

/** Puts the policies into force in both teams' namespaces and waits until each of them denies. */
async function install(context: Context): Promise<void> {
  for (const policy of admissionPolicies(context)) {
    await api.apply({ collection: POLICIES, name: policy.metadata.name }, policy);
  }
  for (const [namespace, facts] of Object.entries(context.namespaces ?? {})) {
    const parameters = admissionParameters(namespace, PARAMETERS, facts);
    const collection = `/api/v1/namespaces/${PARAMETERS}/configmaps`;
    await api.apply({ collection, name: parameters.metadata.name }, parameters);
    for (const binding of admissionBindings(namespace, PARAMETERS, context)) {
      await api.apply({ collection: BINDINGS, name: binding.metadata.name }, binding);
    }
    for (const canary of canaries(context)) {
      await vi.waitFor(async () => {
        const { status, body } = await dryRun(canary.object, namespace);
        expect([status, ...rulesIn(body.message)]).toEqual([422, canary.rule]);
      }, patience);
    }
  }
}

/** Pods that break one rule each: one of every policy that denies. */
function canaries({ stack }: Context): { rule: string; object: KubernetesObject }[] {
  const [own] = readCorpus().filter(({ name }) => name === "good/pod-cpu");
  const good = objectOf(own as CorpusEntry);
  const spec = good.spec as Record<string, unknown>;
  const container = (spec.containers as Record<string, unknown>[])[0] ?? {};
  const pinned = `redis@sha256:${"0".repeat(64)}`;
  const pod = (image: string, over: object): KubernetesObject => ({
    ...good,
    spec: { ...spec, containers: [{ ...container, image }], ...over },
  });
  return [
    { rule: "gpu-request", object: pod(pinned, { nodeSelector: { "mlops.dev/accelerator": "t4" } }) },
    { rule: "no-host-namespaces", object: pod(pinned, { hostPID: true }) },
    stack === "aws"
      ? { rule: "image-own-digest", object: good }
      : { rule: "image-tag", object: pod("redis:latest", {}) },
  ];
}

function objectOf({ text }: CorpusEntry): KubernetesObject {
  const [manifest] = parseManifests(text);
  return manifest?.value as KubernetesObject;
}

/** Files of the corpus that hold one object of a kind that the policies judge. */
const judged = readCorpus().filter((entry) => {
  if (entry.subject !== undefined || entry.admission !== undefined) return false;
  const { apiVersion, kind } = objectOf(entry);
  return `${apiVersion}/${kind}` in collections;
});

describe.each(["local", "aws"] as const)("the policies of the %s stack", (stack) => {
  const context = corpusContext(stack);
  const decided = admissionRules(context);
  beforeAll(() => install(context));

  it("compile without warnings", async () => {
    for (const { metadata } of admissionPolicies(context)) {
      await vi.waitFor(async () => {
        const policy = await api.get<{ status?: { typeChecking?: object } }>(`${POLICIES}/${metadata.name}`);
        expect(policy?.status?.typeChecking).toEqual({});
      }, patience);
    }
  });

  it.each(judged.filter((entry) => entry.stack === stack))("$name: $about", async (entry) => {
    const object = objectOf(entry);
    const namespace = String(object.metadata.namespace);
    const normalised = await dryRun(object, OPEN);
    expect(normalised.status >= 400, "refused by the API server itself").toBe(entry.api === "refuses");
    const answer = await dryRun(object, namespace);
    if (entry.api === "refuses") {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      return;
    }

    const placed = { ...normalised.body, metadata: { ...normalised.body.metadata, namespace } };
    const found = check("kubernetes", placed, context).filter(({ rule }) => decided.includes(rule));
    const violated = [...new Set(found.filter(({ kind }) => kind === "violation").map(({ rule }) => rule))];
    const denying = [...new Set(found.filter(blocks).map(({ rule }) => rule))];
    expect(violated.toSorted(), "by the rules themselves").toEqual(expectedAt("admission", entry.fires));

    expect(answer.status >= 400, JSON.stringify(answer.body)).toBe(denying.length > 0);
    if (denying.length > 0) {
      const [named, ...others] = rulesIn(answer.body.message);
      expect(others).toEqual([]);
      expect(denying, String(answer.body.message)).toContain(named);
    }
    if (violated.length > denying.length) {
      const file = ["--kubeconfig", kubeconfig, "create", "--dry-run=server", "-f", "-"];
      const { stderr } = await exec("kubectl", file, { input: entry.text, timeoutMs: 60_000 });
      expect(stderr).toContain("mlops-advice");
    }
  });
});

describe("what was there before the policies", () => {
  const deployment = "/apis/apps/v1/namespaces/existing/deployments/old";
  const patch = (body: object) => api.send("PATCH", deployment, body, "application/merge-patch+json");

  it("may change its metadata, shrink and go, but not grow", async () => {
    const context = corpusContext("local");
    const text = judged.find(({ name }) => name === "safety/host-network")?.text ?? "";
    // The policies of the aws stack are the last that were installed: an image of ours would break two rules.
    const [manifest] = parseManifests(text.replace(/image: .*/, "image: docker.io/library/redis:7.4.1"));
    const bad = manifest?.value as KubernetesObject;
    const old = { ...bad, metadata: { name: "old" }, spec: { ...(bad.spec as object), replicas: 2 } };
    await api.apply({ collection: "/apis/apps/v1/namespaces/existing/deployments", name: "old" }, old);
    for (const binding of admissionBindings("existing", PARAMETERS, context)) {
      await api.apply({ collection: BINDINGS, name: binding.metadata.name }, binding);
    }
    const facts = { gpuQuota: 0, maximumGpus: 0 };
    const parameters = admissionParameters("existing", PARAMETERS, facts);
    const collection = `/api/v1/namespaces/${PARAMETERS}/configmaps`;
    await api.apply({ collection, name: parameters.metadata.name }, parameters);
    await vi.waitFor(async () => expect((await dryRun(bad, "existing")).status).toBe(422), patience);

    expect((await patch({ metadata: { labels: { seen: "yes" } } })).status).toBe(200);
    expect((await patch({ spec: { replicas: 1 } })).status).toBe(200);
    const grown = await patch({ spec: { replicas: 3 } });
    expect([grown.status, ...rulesIn(JSON.parse(grown.body).message)]).toEqual([422, "no-host-namespaces"]);
    expect((await api.send("DELETE", deployment)).status).toBe(200);
  });

  it("cannot be entered by a privileged ephemeral container", async () => {
    const good = objectOf(judged.find(({ name }) => name === "images/own-by-digest-on-aws") as CorpusEntry);
    const pods = "/api/v1/namespaces/team-a/pods";
    await api.apply({ collection: pods, name: "train" }, good);
    const debug = (container: object) => ({
      spec: { ephemeralContainers: [{ name: "debug", image: "busybox:1.36.1", ...container }] },
    });
    const add = (container: object) =>
      api.send(
        "PATCH",
        `${pods}/train/ephemeralcontainers?dryRun=All`,
        debug(container),
        "application/strategic-merge-patch+json",
      );
    const refused = await add({ securityContext: { privileged: true } });
    expect(rulesIn(JSON.parse(refused.body).message)).toEqual(["no-privileged"]);
    expect((await add({})).status).toBe(200);
    await api.delete({ collection: pods, name: "train" });
  });
});

describe("a pod on its node", () => {
  it("may change its labels, although the scheduler has written the node's name", async () => {
    const good = objectOf(judged.find(({ name }) => name === "images/own-by-digest-on-aws") as CorpusEntry);
    const collection = "/api/v1/namespaces/team-a/pods";
    await api.apply({ collection, name: "placed" }, { ...good, metadata: { name: "placed" } });
    await vi.waitFor(async () => {
      const pod = await api.get<{ spec: { nodeName?: string } }>(`${collection}/placed`);
      expect(pod?.spec.nodeName).toBeTruthy();
    }, patience);
    const labels = { metadata: { labels: { seen: "yes" } } };
    const { status, body } = await api.send(
      "PATCH",
      `${collection}/placed`,
      labels,
      "application/merge-patch+json",
    );
    expect([status, status === 200 ? "" : body]).toEqual([200, ""]);
    await api.delete({ collection, name: "placed" });
  });
});

describe("a namespace whose parameters are missing", () => {
  it("admits no pod", async () => {
    for (const binding of admissionBindings("forgotten", PARAMETERS, corpusContext("local"))) {
      await api.apply({ collection: BINDINGS, name: binding.metadata.name }, binding);
    }
    const digest = objectOf(judged.find(({ name }) => name === "images/own-by-digest-on-aws") as CorpusEntry);
    await vi.waitFor(async () => {
      const { status, body } = await dryRun(digest, "forgotten");
      expect([status, body.message]).toEqual([422, expect.stringContaining("no params found")]);
    }, patience);
  });
});

describe("the cost of the expressions", () => {
  it("stays within the API server's budget for a pod of 60 containers", async () => {
    const good = objectOf(judged.find(({ name }) => name === "good/pod-cpu") as CorpusEntry);
    const spec = good.spec as { containers: object[] };
    const containers = Array.from({ length: 60 }, (_, index) => ({
      ...spec.containers[0],
      name: `c${index}`,
    }));
    const { status, body } = await dryRun({ ...good, spec: { ...spec, containers } }, "team-a");
    expect([status, rulesIn(body.message)]).toEqual([422, ["image-own-digest"]]);
  });
});

describe("what the load balancer of an aws stack shows", () => {
  const auth = "alb.ingress.kubernetes.io/auth-";
  const backend = { service: { name: "grafana", port: { number: 80 } } };
  const ingress = (annotations: object, ingressClassName?: string) => ({
    ...metadata("networking.k8s.io/v1", "Ingress", annotations),
    spec: { defaultBackend: backend, ...(ingressClassName === undefined ? {} : { ingressClassName }) },
  });
  const service = (annotations: object) => ({
    ...metadata("v1", "Service", annotations),
    spec: { ports: [{ port: 80 }] },
  });

  function metadata(apiVersion: string, kind: string, annotations: object) {
    return { apiVersion, kind, metadata: { name: "grafana", annotations } };
  }

  function create(object: { kind: string }): Promise<{ status: number; body: string }> {
    const collection =
      object.kind === "Ingress"
        ? "/apis/networking.k8s.io/v1/namespaces/monitoring/ingresses"
        : "/api/v1/namespaces/monitoring/services";
    return api.send("POST", `${collection}?dryRun=All`, object);
  }

  beforeAll(async () => {
    for (const [name, spec] of Object.entries(loginGuards)) {
      const versioned = { apiVersion: "admissionregistration.k8s.io/v1", metadata: { name } };
      const policy = { ...versioned, kind: "ValidatingAdmissionPolicy", spec };
      await api.apply({ collection: POLICIES, name }, policy);
      const binding = { ...versioned, kind: "ValidatingAdmissionPolicyBinding", spec: guardBinding(name) };
      await api.apply({ collection: BINDINGS, name }, binding);
    }
    for (const open of [ingress({}, "alb"), service({ [`${auth}type`]: "none" })]) {
      await vi.waitFor(async () => expect((await create(open)).status).toBe(422), patience);
    }
  });

  it.each([
    ["an Ingress of another class", ingress({}, "other"), true],
    ["an Ingress of no class", ingress({}), true],
    ["an Ingress with a login", ingress({ [`${auth}type`]: "oidc" }, "alb"), true],
    [
      "an Ingress that asks for a login",
      ingress({ [`${auth}type`]: "oidc", [`${auth}on-unauthenticated-request`]: "authenticate" }, "alb"),
      true,
    ],
    ["an Ingress without annotations", ingress({}, "alb"), false],
    ["an Ingress with a scope alone", ingress({ [`${auth}scope`]: "openid" }, "alb"), false],
    ["an Ingress whose login is off", ingress({ [`${auth}type`]: "none" }, "alb"), false],
    [
      "an Ingress with a login that nobody needs",
      ingress({ [`${auth}type`]: "oidc", [`${auth}on-unauthenticated-request`]: "allow" }, "alb"),
      false,
    ],
    ["a Service without annotations", service({}), true],
    [
      "a Service with other annotations",
      service({ "alb.ingress.kubernetes.io/healthcheck-path": "/" }),
      true,
    ],
    ["a Service that turns the login off", service({ [`${auth}type`]: "none" }), false],
    ["a Service that lets everybody in", service({ [`${auth}on-unauthenticated-request`]: "allow" }), false],
  ])("%s is judged by the API server", async (_, object, admitted) => {
    const { status, body } = await create(object);
    expect([status, admitted ? "" : body]).toEqual(
      admitted ? [201, ""] : [422, expect.stringContaining("alb.ingress.kubernetes.io/auth-")],
    );
  });
});
