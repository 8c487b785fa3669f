/** Who must reach whom on k3d: the expected side of the reachability test. */
import type { Endpoint } from "../../../components/tenancy/reachability.ts";

const name = (value: string): Record<string, string> => ({ "app.kubernetes.io/name": value });

/** One pod of every kind, by the labels that the real charts give it, and what lies outside. */
export const endpoints = {
  prometheus: { namespace: "monitoring", labels: name("prometheus") },
  grafana: { namespace: "monitoring", labels: name("grafana") },
  argocdServer: { namespace: "argocd", labels: name("argocd-server") },
  argocdController: { namespace: "argocd", labels: name("argocd-application-controller") },
  argocdRepoServer: { namespace: "argocd", labels: name("argocd-repo-server") },
  argocdApplicationSets: { namespace: "argocd", labels: name("argocd-applicationset-controller") },
  argocdRedis: { namespace: "argocd", labels: name("argocd-redis") },
  workflowsServer: { namespace: "argo", labels: name("argo-workflows-server") },
  workflowsController: { namespace: "argo", labels: name("argo-workflows-workflow-controller") },
  minio: { namespace: "minio", labels: { app: "minio" } },
  mlflow: { namespace: "mlflow", labels: name("mlflow") },
  rayOperator: { namespace: "ray", labels: name("kuberay-operator") },
  rayHead: { namespace: "ray", labels: { "ray.io/node-type": "head" } },
  rayWorker: { namespace: "ray", labels: { "ray.io/node-type": "worker" } },
  triton: { namespace: "serving", labels: name("triton") },
  engine: { namespace: "serving", labels: { "mlops.dev/engine": "vllm", ...name("llm") } },
  router: { namespace: "serving", labels: { "app.kubernetes.io/component": "router", ...name("router") } },
  gateway: { namespace: "serving", labels: name("gateway") },
  reconciler: { namespace: "serving", labels: name("reconciler") },
  trainingStep: { namespace: "pipelines", labels: {} },
  deploymentStep: { namespace: "pipelines", labels: { "mlops.dev/role": "deployment" } },
  teamA: { namespace: "team-a", labels: {} },
  teamB: { namespace: "team-b", labels: {} },
  /** A team's pod that wears the label of a deployment step. */
  impostor: { namespace: "team-a", labels: { "mlops.dev/role": "deployment", ...name("traefik") } },
  fakeGpus: { namespace: "gpu-operator", labels: {} },
  dns: { namespace: "kube-system", labels: { "k8s-app": "kube-dns" } },
  ingress: { namespace: "kube-system", labels: name("traefik") },
  stranger: { namespace: "elsewhere", labels: {} },
  internet: { address: "93.184.216.34" },
  node: { address: "10.0.1.17" },
  metadataService: { address: "169.254.169.254" },
} as const satisfies Record<string, Endpoint>;

export type Name = keyof typeof endpoints;

/** Every connection that must be possible; all others between these endpoints and ports must not. */
export const expected: readonly [Name, Name, number][] = [
  ["argocdServer", "argocdRepoServer", 8081],
  ["argocdController", "argocdRepoServer", 8081],
  ["argocdApplicationSets", "argocdRepoServer", 8081],
  ["argocdServer", "argocdRedis", 6379],
  ["argocdController", "argocdRedis", 6379],
  ["argocdRepoServer", "argocdRedis", 6379],
  ["argocdRepoServer", "internet", 443],
  ["argocdRepoServer", "node", 443],
  ["argocdRepoServer", "internet", 22],
  ["argocdRepoServer", "node", 22],
  ...(
    [
      "prometheus",
      "grafana",
      "argocdServer",
      "argocdController",
      "argocdApplicationSets",
      "fakeGpus",
      "workflowsServer",
      "workflowsController",
      "rayOperator",
      "rayHead",
      "router",
      "trainingStep",
      "deploymentStep",
      "teamA",
      "teamB",
      "impostor",
    ] as const
  ).flatMap((from): [Name, Name, number][] => [
    [from, "node", 6443],
    [from, "node", 443],
    [from, "internet", 6443],
    [from, "internet", 443],
  ]),
  ...(["rayWorker", "engine"] as const).flatMap((from): [Name, Name, number][] => [
    [from, "internet", 443],
    [from, "node", 443],
  ]),
  ["prometheus", "argocdController", 8082],
  ["prometheus", "argocdServer", 8083],
  ["prometheus", "argocdRepoServer", 8084],
  ["prometheus", "workflowsController", 9090],
  ["prometheus", "minio", 9000],
  ["prometheus", "mlflow", 5000],
  ["prometheus", "rayOperator", 8080],
  ["prometheus", "rayHead", 8080],
  ["prometheus", "rayWorker", 8080],
  ["prometheus", "triton", 8002],
  ["prometheus", "engine", 8000],
  ["prometheus", "router", 8000],
  ["prometheus", "dns", 9153],
  ...(["node", "internet"] as const).flatMap((to): [Name, Name, number][] => [
    ["prometheus", to, 10250],
    ["prometheus", to, 9100],
  ]),
  ["ingress", "argocdServer", 8080],
  ["ingress", "workflowsServer", 2746],
  ["ingress", "minio", 9000],
  ["ingress", "minio", 9001],
  ["ingress", "mlflow", 5000],
  ["ingress", "rayHead", 8265],
  ["ingress", "grafana", 3000],
  ["ingress", "prometheus", 9090],
  ...(
    [
      "workflowsServer",
      "mlflow",
      "rayOperator",
      "rayHead",
      "rayWorker",
      "triton",
      "engine",
      "trainingStep",
      "deploymentStep",
      "teamA",
      "teamB",
      "impostor",
      "gateway",
      "reconciler",
      "minio",
    ] as const
  ).map((from): [Name, Name, number] => [from, "minio", 9000]),
  ...(
    [
      "rayOperator",
      "rayHead",
      "rayWorker",
      "trainingStep",
      "deploymentStep",
      "teamA",
      "teamB",
      "impostor",
    ] as const
  ).map((from): [Name, Name, number] => [from, "mlflow", 5000]),
  ...(["trainingStep", "deploymentStep", "teamA", "teamB", "impostor"] as const).flatMap(
    (from): [Name, Name, number][] => [
      [from, "rayHead", 8265],
      [from, "rayHead", 10001],
      [from, "router", 8000],
      [from, "gateway", 8080],
      ["rayOperator", from, 8265],
      ["rayOperator", from, 52365],
    ],
  ),
  ["router", "engine", 8000],
  ...(["gateway", "reconciler"] as const).flatMap((from): [Name, Name, number][] => [
    [from, "triton", 8000],
    [from, "engine", 8000],
  ]),
  ["reconciler", "gateway", 8081],
  ["reconciler", "engine", 8083],
  ["deploymentStep", "gateway", 8081],
  ["deploymentStep", "reconciler", 8082],
  ["prometheus", "gateway", 8081],
  ["prometheus", "reconciler", 8082],
  ["deploymentStep", "triton", 8000],
  ["deploymentStep", "triton", 8001],
  ["deploymentStep", "engine", 8000],
];

/** The same pods talk to each other on any port inside these. */
export const openInside = ["monitoring", "ray", "pipelines", "team-a", "team-b", "gpu-operator"];
