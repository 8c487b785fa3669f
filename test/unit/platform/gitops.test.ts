import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  applicationsProject,
  lockedDefaultProject,
  rootApplication,
  teamsProject,
} from "../../../components/platform/gitops.ts";
import { valuesOf } from "./contexts.ts";

const gitops = { repository: "https://git.example/o/r.git", revision: "main", path: "gitops" };
const folder = new URL("../../../gitops/", import.meta.url);
// biome-ignore lint/suspicious/noExplicitAny: manifests of several kinds
const read = (file: string): any => parse(readFileSync(new URL(file, folder), "utf8"));

describe("argo-cd values", () => {
  const values = valuesOf("argo-cd");

  it("brings its own Secrets and leaves none to the chart", () => {
    expect(values.configs).toEqual({
      params: { "server.insecure": true },
      secret: { createSecret: false },
    });
    expect(values.redisSecretInit).toEqual({ enabled: false });
  });

  it("runs what is needed and leaves no CRD behind", () => {
    expect(values.dex).toEqual({ enabled: false });
    expect(values.notifications).toEqual({ enabled: false });
    expect(values.applicationSet.replicas).toBe(0);
    expect(valuesOf("argo-cd", { size: "production" }).applicationSet.replicas).toBe(1);
    expect(values.crds).toEqual({ keep: false });
  });

  it("turns off the chart's NetworkPolicies, which open the server to everyone", () => {
    expect(values.global.networkPolicy).toEqual({ create: false });
  });

  it("gives the repository server and Redis no token", () => {
    expect(values.repoServer.automountServiceAccountToken).toBe(false);
    expect(values.redis.automountServiceAccountToken).toBe(false);
  });
});

describe("projects", () => {
  it("lets teams deploy into their own namespaces only, from the repository only", () => {
    const { spec } = teamsProject("argocd", ["team-a", "team-b"], gitops);
    expect(spec.destinations).toEqual([
      { server: "https://kubernetes.default.svc", namespace: "team-a" },
      { server: "https://kubernetes.default.svc", namespace: "team-b" },
    ]);
    expect(spec.sourceRepos).toEqual([gitops.repository]);
    expect(spec.clusterResourceWhitelist).toEqual([]);
    expect(spec.namespaceResourceBlacklist).toContainEqual({ group: "", kind: "ResourceQuota" });
    expect(spec.namespaceResourceBlacklist).toContainEqual({
      group: "networking.k8s.io",
      kind: "NetworkPolicy",
    });
  });

  it("lets nothing in without a repository", () => {
    expect(teamsProject("argocd", ["team-a"], undefined).spec.sourceRepos).toEqual([]);
    expect(applicationsProject("argocd", undefined).spec.sourceRepos).toEqual([]);
  });

  it("closes the default project, which ArgoCD would open to everything", () => {
    expect(lockedDefaultProject("argocd")).toMatchObject({
      metadata: { name: "default" },
      spec: { sourceRepos: [], destinations: [], clusterResourceWhitelist: [] },
    });
  });

  it("lets the root application make Applications and nothing else", () => {
    const { spec } = applicationsProject("argocd", gitops);
    expect(spec.namespaceResourceWhitelist).toEqual([{ group: "argoproj.io", kind: "Application" }]);
    expect(spec.destinations).toEqual([{ server: "https://kubernetes.default.svc", namespace: "argocd" }]);
  });
});

describe("rootApplication", () => {
  it("follows the folder and tells its Applications where they lie", () => {
    const { spec } = rootApplication("argocd", gitops, true);
    const source = spec.source as { kustomize: { patches: { patch: string }[] } };
    expect(spec.project).toBe("mlops-applications");
    expect(JSON.parse(source.kustomize.patches[0]?.patch ?? "")).toEqual([
      { op: "replace", path: "/spec/source/repoURL", value: gitops.repository },
      { op: "replace", path: "/spec/source/targetRevision", value: "main" },
    ]);
  });

  it("holds on to what it deployed only where an ArgoCD runs that can let go", () => {
    expect(rootApplication("argocd", gitops, true).metadata.finalizers).toHaveLength(1);
    expect(rootApplication("argocd", gitops, false).metadata).not.toHaveProperty("finalizers");
  });
});

describe("the gitops folder", () => {
  const applications: string[] = read("kustomization.yaml").resources;

  it("has an Application for every folder of manifests, and lists every Application", () => {
    const folders = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "applications")
      .map((entry) => `gitops/${entry.name}`);
    expect(applications.map((file) => read(file).spec.source.path).sort()).toEqual(folders.sort());
    expect(applications.map((file) => file.replace("applications/", "")).sort()).toEqual(
      readdirSync(new URL("applications/", folder)).sort(),
    );
  });

  it.each(applications)("%s stays inside the teams' project and can be patched by the root", (file) => {
    const { spec, metadata } = read(file);
    expect(metadata.namespace).toBe("argocd");
    expect(spec.project).toBe("mlops");
    expect(spec.source).toHaveProperty("repoURL");
    expect(spec.source).toHaveProperty("targetRevision");
    expect(spec.destination.namespace).toMatch(/^team-/);
  });

  it("names no version of a model: a sync must not undo a promotion", () => {
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".yaml"),
    );
    expect(files).toContain("serving/service.yaml");
    for (const file of files) {
      expect(readFileSync(new URL(file, folder), "utf8"), file).not.toMatch(
        /\b[a-z0-9-]+-v\d+\b(?!beta)|lora/,
      );
    }
    expect(read("serving/configmap.yaml").data.OPENAI_MODEL).toBe("docs-assistant");
  });

  it("trains on one GPU of one class, owned, queued, limited in time, by a pinned image", () => {
    const job = read("training/job.yaml");
    const pod = job.spec.template.spec;
    const [container] = pod.containers;
    for (const list of [container.resources.requests, container.resources.limits]) {
      expect(list["nvidia.com/gpu"]).toBe("1");
      expect(list).toHaveProperty("cpu");
      expect(list).toHaveProperty("memory");
    }
    expect(pod.nodeSelector).toEqual({ "mlops.dev/accelerator": "t4" });
    expect(job.metadata.labels).toMatchObject({ "mlops.dev/owner": "team-a", "mlops.dev/queue": "training" });
    expect(job.spec.activeDeadlineSeconds).toBeGreaterThan(0);
    const image = read("training/kustomization.yaml").images.find(
      (one: { name: string }) => one.name === container.image,
    );
    expect(image.newTag).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("replaces Jobs whole, and never lets them vanish and run again", () => {
    const { metadata, spec } = read("training/job.yaml");
    expect(metadata.annotations["argocd.argoproj.io/sync-options"]).toBe("Force=true,Replace=true");
    expect(spec).not.toHaveProperty("ttlSecondsAfterFinished");
  });
});
