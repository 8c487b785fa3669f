/** The platform's allowed flows: exactly what its systems and tenants need of each other. */
import { type ChartName, charts } from "../../charts.ts";
import type { TargetFacts } from "../target.ts";
import {
  databaseUserLabels,
  deploymentStepLabels,
  engineLabels,
  gatewayLabels,
  gatewayPorts,
  isReservedNamespace,
  pipelinesNamespace,
  reconcilerLabels,
} from "./names.ts";
import { dnsPorts, type Flow, named, network, outside, type Peer, pods, tcp } from "./peers.ts";

const monitoring = charts["kube-prometheus-stack"].namespace;
const argocd = charts["argo-cd"].namespace;
const argo = charts["argo-workflows"].namespace;
const minio = charts.minio.namespace;
const mlflow = charts.mlflow.namespace;
const ray = charts["ray-cluster"].namespace;
const serving = charts.triton.namespace;
const gpuOperator = charts["fake-gpu-operator"].namespace;
const awsControllers = charts["aws-load-balancer-controller"].namespace;
const externalSecrets = charts["external-secrets"].namespace;
const certManager = charts["cert-manager"].namespace;

const argocdServer = named(argocd, "argocd-server");
const argocdController = named(argocd, "argocd-application-controller");
const argocdRepoServer = named(argocd, "argocd-repo-server");
const minioServer = pods(minio, { app: "minio" });
const engine = pods(serving, engineLabels);
const router = pods(serving, { "app.kubernetes.io/component": "router" });
const triton = named(serving, "triton");
const gateway = pods(serving, gatewayLabels);
const reconciler = pods(serving, reconcilerLabels);
const rayHead = pods(ray, { "ray.io/node-type": "head" });
const clusterDns = pods("kube-system", { "k8s-app": "kube-dns" });
const deploymentSteps = pods(pipelinesNamespace, deploymentStepLabels);

/** Where an Ingress class's controller runs. */
const ingressControllers: Readonly<Record<string, (target: TargetFacts) => Peer[]>> = {
  traefik: () => [named("kube-system", "traefik")],
  nginx: () => [named("ingress-nginx", "ingress-nginx")],
  // The load balancer itself sends requests to the pods.
  alb: ({ networks }) => (networks?.loadBalancers ?? []).map(network),
};

export interface FlowArgs {
  readonly target: TargetFacts;
  readonly teams: readonly string[];
  readonly systems: readonly ChartName[];
}

/** Namespaces that the stack owns: those of its systems, of the pipelines, and of the teams. */
export function namespacesOf(args: Pick<FlowArgs, "teams" | "systems">): string[] {
  const ofSystems = args.systems.map((name) => charts[name].namespace);
  return [...new Set([...ofSystems, pipelinesNamespace, ...args.teams])];
}

/** Nodes listen on one of these, whatever Service stands before the API server. */
const kubernetesApi = { to: outside, ports: tcp(443, 6443) };
const https = { to: outside, ports: tcp(443) };

function objectStore(target: TargetFacts): { to: Peer; ports: Flow["ports"] } {
  if (target.selfHostsObjectStore) return { to: minioServer, ports: tcp(9000) };
  const port = /:(\d+)\/?$/.exec(target.objectStore.endpoint ?? "")?.[1];
  return { to: outside, ports: tcp(port === undefined ? 443 : Number(port)) };
}

function every(from: readonly Peer[], flow: Omit<Flow, "from">): Flow[] {
  return from.map((peer) => ({ from: peer, ...flow }));
}

/** What is scraped, and what monitoring needs of itself. */
function metricsFlows(): Flow[] {
  const scrape = (to: Peer, ...ports: number[]): Flow => ({
    from: named(monitoring, "prometheus"),
    to,
    ports: tcp(...ports),
  });
  return [
    { from: pods(monitoring), to: pods(monitoring), ports: [] },
    scrape(argocdController, 8082),
    scrape(argocdServer, 8083),
    scrape(argocdRepoServer, 8084),
    scrape(named(argo, "argo-workflows-workflow-controller"), 9090),
    scrape(minioServer, 9000),
    scrape(pods(mlflow), 5000),
    scrape(pods(ray), 8080),
    scrape(triton, 8002),
    scrape(engine, 8000),
    scrape(router, 8000),
    scrape(gateway, gatewayPorts.admin),
    scrape(reconciler, gatewayPorts.status),
    scrape(clusterDns, 9153),
    scrape(named(awsControllers, "aws-load-balancer-controller"), 8080),
    scrape(named(awsControllers, "aws-cluster-autoscaler"), 8085),
    scrape(named(awsControllers, "external-dns"), 7979),
    scrape(named(externalSecrets, "external-secrets"), 8080),
    scrape(pods(certManager), 9402),
    scrape(named(gpuOperator, "dcgm-exporter"), 9400),
    // The kubelet and the node exporter answer on the node's own address.
    scrape(outside, 10250, 9100),
  ];
}

/** Only the repository server talks to Git, by https or ssh, and only it is asked for manifests. */
function argocdFlows(): Flow[] {
  const controllers = [argocdServer, argocdController, named(argocd, "argocd-applicationset-controller")];
  const cached = [argocdServer, argocdController, argocdRepoServer];
  return [
    ...every(controllers, { to: argocdRepoServer, ports: tcp(8081) }),
    ...every(cached, { to: named(argocd, "argocd-redis"), ports: tcp(6379) }),
    ...every(controllers, kubernetesApi),
    { from: argocdRepoServer, to: outside, ports: tcp(443, 22) },
  ];
}

/** What people reach through the Ingress controller. */
function ingressFlows(target: TargetFacts): Flow[] {
  if (target.ingress === undefined) return [];
  const located = ingressControllers[target.ingress.className]?.(target) ?? [];
  if (located.length === 0) {
    throw new Error(
      `ingress class "${target.ingress.className}": no NetworkPolicy can let it in, because nobody said ` +
        `where its controller runs; known classes: ${Object.keys(ingressControllers).join(", ")}`,
    );
  }
  return located.flatMap((from) => [
    { from, to: argocdServer, ports: tcp(8080) },
    { from, to: named(argo, "argo-workflows-server"), ports: tcp(2746) },
    { from, to: minioServer, ports: tcp(9000, 9001) },
    { from, to: pods(mlflow), ports: tcp(5000) },
    { from, to: rayHead, ports: tcp(8265) },
    { from, to: named(monitoring, "grafana"), ports: tcp(3000) },
    { from, to: named(monitoring, "prometheus"), ports: tcp(9090) },
  ]);
}

/**
 * What the controllers of a cluster on AWS need: AWS and the API server, the API server their webhooks, and
 * the Job that makes MLflow's database user the database.
 */
function awsControllerFlows({ networks, database }: TargetFacts): Flow[] {
  const webhooks: [Peer, number][] = [
    [named(awsControllers, "aws-load-balancer-controller"), 9443],
    [named(externalSecrets, "external-secrets-webhook"), 10250],
    [named(certManager, "webhook"), 10250],
  ];
  return [
    ...every([pods(awsControllers), pods(externalSecrets), pods(certManager)], kubernetesApi),
    ...(networks?.controlPlane ?? []).flatMap((cidr) =>
      webhooks.map(([to, port]) => ({ from: network(cidr), to, ports: tcp(port) })),
    ),
    // It looks its own records up before it asks for a certificate.
    { from: pods(certManager), to: outside, ports: dnsPorts },
    ...(database.kind === "postgres"
      ? [
          {
            from: pods(externalSecrets, databaseUserLabels),
            to: outside,
            ports: tcp(databasePort(database.port)),
          },
        ]
      : []),
  ];
}

/** What one namespace with workflows, jobs and notebooks needs. */
function workloadFlows(target: TargetFacts, namespace: string): Flow[] {
  const from = pods(namespace);
  return [
    // Distributed training and Ray clusters of their own.
    { from, to: from, ports: [] },
    { from, to: pods(mlflow), ports: tcp(5000) },
    { from, ...objectStore(target) },
    // Argo's executor reports to the API server; data sets and models come from the internet.
    { from, ...kubernetesApi },
    { from, to: rayHead, ports: tcp(8265, 10001) },
    { from: named(ray, "kuberay-operator"), to: from, ports: tcp(8265, 52365) },
    { from, to: router, ports: tcp(8000) },
    { from, to: gateway, ports: tcp(gatewayPorts.serve) },
  ];
}

/**
 * Every allowed flow between the namespaces of this stack and beyond them.
 *
 * @throws Error naming the Ingress class when nobody knows where its controller runs.
 */
export function allowedFlows(args: FlowArgs): Flow[] {
  const { target, teams } = args;
  const owned = namespacesOf(args);
  const flows: Flow[] = [
    ...owned.map((name) => ({
      from: pods(name),
      to: clusterDns,
      ports: dnsPorts,
    })),
    ...metricsFlows(),
    ...ingressFlows(target),
    // Controllers ask the API server; so does vLLM's router, to find its engines.
    ...every(
      [pods(monitoring), pods(argo), named(ray, "kuberay-operator"), rayHead, router, pods(gpuOperator)],
      kubernetesApi,
    ),
    ...argocdFlows(),
    { from: named(argo, "argo-workflows-server"), ...objectStore(target) },
    { from: pods(minio), to: minioServer, ports: tcp(9000) },
    { from: pods(mlflow), ...objectStore(target) },
    ...(target.database.kind === "postgres"
      ? [{ from: pods(mlflow), to: outside, ports: tcp(databasePort(target.database.port)) }]
      : []),
    { from: pods(ray), to: pods(ray), ports: [] },
    { from: pods(ray), to: pods(mlflow), ports: tcp(5000) },
    { from: pods(ray), ...objectStore(target) },
    { from: pods(ray), ...https },
    { from: triton, ...objectStore(target) },
    { from: engine, ...objectStore(target) },
    // Model weights.
    { from: engine, ...https },
    { from: router, to: engine, ports: tcp(8000) },
    ...every([gateway, reconciler], objectStore(target)),
    ...every([gateway, reconciler], { to: triton, ports: tcp(8000) }),
    ...every([gateway, reconciler], { to: engine, ports: tcp(8000) }),
    { from: reconciler, to: gateway, ports: tcp(gatewayPorts.admin) },
    { from: reconciler, to: engine, ports: tcp(gatewayPorts.adapters) },
    // They wait for what the two have done.
    { from: deploymentSteps, to: gateway, ports: tcp(gatewayPorts.admin) },
    { from: deploymentSteps, to: reconciler, ports: tcp(gatewayPorts.status) },
    { from: deploymentSteps, to: triton, ports: tcp(8000, 8001) },
    { from: deploymentSteps, to: engine, ports: tcp(8000) },
    { from: pods(gpuOperator), to: pods(gpuOperator), ports: [] },
    ...awsControllerFlows(target),
    ...[pipelinesNamespace, ...teams].flatMap((name) => workloadFlows(target, name)),
  ];
  return flows.filter((flow) => concerns(flow, owned, args.systems));
}

/** PostgreSQL's port; a port that is known only after the database was made is the standard one. */
function databasePort(port: unknown): number {
  return typeof port === "number" ? port : 5432;
}

/**
 * Team names that cannot be namespaces of their own.
 *
 * @throws Error listing each name that is given twice or belongs to the cluster or the platform.
 */
export function checkTeams(teams: readonly string[]): void {
  const problems = teams.flatMap((team, index) => {
    if (teams.indexOf(team) !== index) return [`team "${team}" is listed twice`];
    if (isReservedNamespace(team)) return [`team "${team}": the namespace is not free`];
    return [];
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

/** Drops flows of systems that this stack does not have. */
function concerns(flow: Flow, owned: readonly string[], systems: readonly ChartName[]): boolean {
  const platform = new Set<string>(Object.values(charts).map((spec) => spec.namespace));
  const absent = (peer: Peer): boolean =>
    "namespace" in peer && platform.has(peer.namespace) && !owned.includes(peer.namespace);
  const vllm = systems.includes("vllm-stack");
  const ofVllm = (peer: Peer): boolean => peer === engine || peer === router;
  return !absent(flow.from) && !absent(flow.to) && (vllm || !(ofVllm(flow.from) || ofVllm(flow.to)));
}
