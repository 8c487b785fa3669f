/** The gateway and the reconciler as Kubernetes runs them: pure objects. */
import type { types } from "@pulumi/kubernetes";
import type { Input } from "@pulumi/pulumi";
import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import {
  engineLabels,
  gatewayLabels,
  gatewayPorts,
  reconcilerLabels,
  vllmAdminSecret,
} from "../tenancy/names.ts";
import { gatewayWorkload, identityOf } from "../tenancy/workloads.ts";
import type { ValuesContext } from "./system.ts";
import {
  type ContainerResources,
  type EnvironmentVariable,
  resources,
  restrictedContainer,
  restrictedPod,
} from "./values.ts";

const { namespace } = charts.triton;
const partOf = { "app.kubernetes.io/part-of": "mlops-platform" };
const command = (name: "serve" | "reconcile"): string[] => ["node", "/app/apps/gateway/main.ts", name];

/** A gateway of one process answers from one core. */
const sized = {
  small: { replicas: 1, gateway: resources({ cpu: "100m", memory: "128Mi" }, { cpu: "1", memory: "512Mi" }) },
  production: {
    replicas: 2,
    gateway: resources({ cpu: "500m", memory: "256Mi" }, { cpu: "2", memory: "1Gi" }),
  },
} as const satisfies Record<Size, unknown>;

/** It waits for others most of the time. */
const reconcilerResources = resources({ cpu: "50m", memory: "128Mi" }, { cpu: "500m", memory: "256Mi" });

/** What its pods ask the scheduler for. */
export function gatewayRequests(size: Size): PodRequests[] {
  const { replicas, gateway } = sized[size];
  return [
    { pods: replicas, requests: gateway.requests },
    { pods: 1, requests: reconcilerResources.requests },
  ];
}

/** Seconds: 5 in which load balancers notice, 30 in which requests end, and some to close. */
const GRACE_SECONDS = 45;

/** A number of equal pods. */
export interface PodRequests {
  readonly pods: number;
  /** Of one pod, as Kubernetes writes quantities. */
  readonly requests: { readonly cpu: string; readonly memory: string };
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, Input<string>>>;
}

interface ServiceMonitor {
  readonly spec: object;
}

/** One object in Kubernetes' own form. */
export type PlainObject = { readonly metadata: ObjectMeta } & (
  | ({ readonly apiVersion: "v1"; readonly kind: "ServiceAccount" } & types.input.core.v1.ServiceAccount)
  | ({ readonly apiVersion: "v1"; readonly kind: "Service" } & types.input.core.v1.Service)
  | ({ readonly apiVersion: "apps/v1"; readonly kind: "Deployment" } & types.input.apps.v1.Deployment)
  | ({
      readonly apiVersion: "policy/v1";
      readonly kind: "PodDisruptionBudget";
    } & types.input.policy.v1.PodDisruptionBudget)
  | ({ readonly apiVersion: "monitoring.coreos.com/v1"; readonly kind: "ServiceMonitor" } & ServiceMonitor)
);

export interface GatewayObjectsArgs extends ValuesContext {
  /** Image of apps/gateway. */
  readonly image: Input<string>;
}

/** Every object of gateway and reconciler, in the namespace of the servers. */
export function gatewayObjects(args: GatewayObjectsArgs): PlainObject[] {
  const { annotations } = identityOf(args.target, gatewayWorkload);
  const meta = (name: string): ObjectMeta => ({ name, namespace, labels: partOf });
  const { serve, admin, status } = gatewayPorts;
  const triton = { "app.kubernetes.io/name": "triton" };
  return [
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { ...meta(gatewayWorkload.serviceAccount), annotations },
      automountServiceAccountToken: false,
    },
    gatewayDeployment(args),
    reconcilerDeployment(args),
    service(meta("gateway"), gatewayLabels, { http: serve }),
    // Those that are about to end are asked too: nobody unloads what they still use.
    replicas(meta("gateway-replicas"), gatewayLabels, { admin }, true),
    service(meta("reconciler"), reconcilerLabels, { status }),
    replicas(meta("triton-replicas"), triton, { http: 8000 }),
    ...(args.options.llm === undefined
      ? []
      : [replicas(meta("vllm-replicas"), engineLabels, { http: 8000 })]),
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: meta("gateway"),
      spec: { maxUnavailable: 1, selector: { matchLabels: gatewayLabels } },
    },
    monitor(meta("gateway"), "gateway-replicas", "admin"),
    monitor(meta("reconciler"), "reconciler", "status"),
  ];
}

function gatewayDeployment(args: GatewayObjectsArgs): PlainObject {
  const { replicas, gateway } = sized[args.size];
  const health = (of: "live" | "ready") => ({ httpGet: { path: `/v2/health/${of}`, port: "http" } });
  return deployment("gateway", gatewayLabels, {
    replicas,
    // A new one is there before an old one goes.
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: {
      ...pod,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: gatewayLabels },
        },
      ],
      containers: [
        container(args, "gateway", {
          command: command("serve"),
          ports: [
            { name: "http", containerPort: gatewayPorts.serve },
            { name: "admin", containerPort: gatewayPorts.admin },
          ],
          resources: requirements(gateway),
          readinessProbe: { ...health("ready"), periodSeconds: 2 },
          livenessProbe: { ...health("live"), periodSeconds: 10, failureThreshold: 6 },
        }),
      ],
    },
  });
}

function reconcilerDeployment(args: GatewayObjectsArgs): PlainObject {
  const healthz = { httpGet: { path: "/healthz", port: "status" } };
  return deployment("reconciler", reconcilerLabels, {
    replicas: 1,
    // Two at once do no harm, but one is enough.
    strategy: { type: "Recreate" },
    template: {
      ...pod,
      containers: [
        container(args, "reconciler", {
          command: command("reconcile"),
          ports: [{ name: "status", containerPort: gatewayPorts.status }],
          env: [
            { name: "MLOPS_GATEWAY_ADMIN_URLS", value: everyReplica("gateway-replicas", gatewayPorts.admin) },
          ],
          secrets: args.options.llm === undefined ? [] : [vllmAdminSecret.name],
          resources: requirements(reconcilerResources),
          readinessProbe: { ...healthz, periodSeconds: 5 },
          livenessProbe: { ...healthz, periodSeconds: 10, failureThreshold: 6 },
        }),
      ],
    },
  });
}

/** What both pods have in common. */
const pod = {
  serviceAccountName: gatewayWorkload.serviceAccount,
  automountServiceAccountToken: false,
  securityContext: restrictedPod,
};

type ContainerParts = Omit<types.input.core.v1.Container, "name" | "env"> & {
  readonly env?: readonly EnvironmentVariable[];
  /** Secrets whose keys are variables, besides the object store's. */
  readonly secrets?: readonly string[];
};

interface DeploymentParts {
  readonly replicas: number;
  readonly strategy: types.input.apps.v1.DeploymentStrategy;
  readonly template: types.input.core.v1.PodSpec;
}

function deployment(
  name: string,
  selector: Readonly<Record<string, string>>,
  { replicas: count, strategy, template }: DeploymentParts,
): PlainObject {
  const labels = { ...partOf, ...selector };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      replicas: count,
      strategy,
      selector: { matchLabels: selector },
      template: { metadata: { labels }, spec: template },
    },
  };
}

function container(
  { image, target, options }: GatewayObjectsArgs,
  name: string,
  { env = [], secrets: own = [], ...parts }: ContainerParts,
): types.input.core.v1.Container {
  const { endpoint, region, buckets } = target.objectStore;
  const { secretName } = identityOf(target, gatewayWorkload);
  const secrets = [...(secretName === undefined ? [] : [secretName]), ...own];
  return {
    name,
    image,
    imagePullPolicy: "IfNotPresent",
    ...parts,
    env: [
      { name: "AWS_REGION", value: region },
      ...(endpoint === undefined ? [] : [{ name: "AWS_ENDPOINT_URL_S3", value: endpoint }]),
      { name: "MLOPS_BUCKET_MODEL_REGISTRY", value: buckets.modelRegistry },
      { name: "MLOPS_TRITON_URLS", value: everyReplica("triton-replicas", 8000) },
      ...(options.llm === undefined
        ? []
        : [{ name: "MLOPS_VLLM_URLS", value: everyReplica("vllm-replicas", 8000) }]),
      ...env,
    ],
    ...(secrets.length === 0 ? {} : { envFrom: secrets.map((secret) => ({ secretRef: { name: secret } })) }),
    securityContext: {
      ...restrictedContainer,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    },
  };
}

function requirements({ requests, limits }: ContainerResources): types.input.core.v1.ResourceRequirements {
  return { requests: { ...requests }, limits: { ...limits } };
}

/** Every address record of a headless Service is a replica. */
function everyReplica(service: string, port: number): string {
  return `dns+http://${service}.${namespace}.svc.cluster.local:${port}`;
}

function service(
  metadata: ObjectMeta,
  selector: Readonly<Record<string, string>>,
  ports: Readonly<Record<string, number>>,
  more: object = {},
): PlainObject {
  const listed = Object.entries(ports).map(([name, port]) => ({ name, port, targetPort: port }));
  const labels = { ...metadata.labels, "app.kubernetes.io/name": metadata.name };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, labels },
    spec: { type: "ClusterIP", selector, ports: listed, ...more },
  };
}

function replicas(
  metadata: ObjectMeta,
  selector: Readonly<Record<string, string>>,
  ports: Readonly<Record<string, number>>,
  publishNotReadyAddresses = false,
): PlainObject {
  return service(metadata, selector, ports, { clusterIP: "None", publishNotReadyAddresses });
}

function monitor(metadata: ObjectMeta, serviceName: string, port: string): PlainObject {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata,
    spec: {
      selector: { matchLabels: { "app.kubernetes.io/name": serviceName } },
      endpoints: [{ port, path: "/metrics", interval: "15s" }],
    },
  };
}
