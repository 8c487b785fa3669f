/** ArgoCD's projects and root application: who may deploy what from where. Pure objects, no engine. */
import type { PlatformOptions } from "./system.ts";

type GitOps = NonNullable<PlatformOptions["gitops"]>;

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Record<string, string>;
    readonly finalizers?: string[];
  };
  readonly spec: Record<string, unknown>;
}

const apiVersion = "argoproj.io/v1alpha1";
const cluster = "https://kubernetes.default.svc";

/** Project of the root application; Applications are the only kind it can make. */
export const applicationsProjectName = "mlops-applications";
/** Project of everything that teams deploy. */
export const teamsProjectName = "mlops";

/** Kinds that belong to the platform even inside a team's namespace. */
const platformKinds = [
  { group: "", kind: "ResourceQuota" },
  { group: "", kind: "LimitRange" },
  { group: "", kind: "ServiceAccount" },
  { group: "networking.k8s.io", kind: "NetworkPolicy" },
  { group: "rbac.authorization.k8s.io", kind: "Role" },
  { group: "rbac.authorization.k8s.io", kind: "RoleBinding" },
];

/**
 * ArgoCD makes a project `default` that allows everything everywhere, and cannot run without it; so
 * ours takes its place and allows nothing.
 */
export function lockedDefaultProject(namespace: string): Manifest {
  return {
    apiVersion,
    kind: "AppProject",
    metadata: {
      name: "default",
      namespace,
      // ArgoCD may have made it first; its fields become ours.
      annotations: { "pulumi.com/patchForce": "true" },
    },
    spec: {
      description: "Nothing may be deployed through this project; use mlops.",
      sourceRepos: [],
      destinations: [],
      clusterResourceWhitelist: [],
    },
  };
}

/**
 * Teams deploy into their own namespaces, from the configured repository, and nothing that is
 * cluster-wide or that sets the limits they live in.
 */
export function teamsProject(
  namespace: string,
  teams: readonly string[],
  gitops: GitOps | undefined,
): Manifest {
  return {
    apiVersion,
    kind: "AppProject",
    metadata: { name: teamsProjectName, namespace },
    spec: {
      description: "What teams deploy: training and serving manifests in their own namespaces.",
      sourceRepos: gitops === undefined ? [] : [gitops.repository],
      destinations: teams.map((team) => ({ server: cluster, namespace: team })),
      clusterResourceWhitelist: [],
      namespaceResourceBlacklist: platformKinds,
    },
  };
}

/**
 * The root application needs ArgoCD's own namespace, so it has a project of its own that can make
 * Applications and nothing else: what those deploy is limited by the projects they name.
 */
export function applicationsProject(namespace: string, gitops: GitOps | undefined): Manifest {
  return {
    apiVersion,
    kind: "AppProject",
    metadata: { name: applicationsProjectName, namespace },
    spec: {
      description: "The root application, which makes the Applications in gitops/.",
      sourceRepos: gitops === undefined ? [] : [gitops.repository],
      destinations: [{ server: cluster, namespace }],
      clusterResourceWhitelist: [],
      namespaceResourceWhitelist: [{ group: "argoproj.io", kind: "Application" }],
    },
  };
}

/**
 * The application of applications.
 *
 * The Applications in the folder do not know which repository they lie in; a patch tells them, so
 * that a fork needs no edit.
 *
 * @param cascade whether deleting it also deletes what its Applications deployed. That takes a running
 *   ArgoCD: where pods are simulated the finalizer would hold the namespace forever.
 */
export function rootApplication(namespace: string, gitops: GitOps, cascade: boolean): Manifest {
  const source = [
    { op: "replace", path: "/spec/source/repoURL", value: gitops.repository },
    { op: "replace", path: "/spec/source/targetRevision", value: gitops.revision },
  ];
  return {
    apiVersion,
    kind: "Application",
    metadata: {
      name: "root",
      namespace,
      ...(cascade ? { finalizers: ["resources-finalizer.argocd.argoproj.io"] } : {}),
    },
    spec: {
      project: applicationsProjectName,
      source: {
        repoURL: gitops.repository,
        targetRevision: gitops.revision,
        path: gitops.path,
        kustomize: { patches: [{ target: { kind: "Application" }, patch: JSON.stringify(source) }] },
      },
      destination: { server: cluster, namespace },
      syncPolicy: { automated: { prune: true, selfHeal: true } },
    },
  };
}
