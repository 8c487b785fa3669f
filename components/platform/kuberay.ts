import * as k8s from "@pulumi/kubernetes";
import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { pipelinesNamespace } from "../tenancy/names.ts";
import { identityOf, rayHeadWorkload, rayWorkerWorkload } from "../tenancy/workloads.ts";
import { mlflow } from "./mlflow.ts";
import { objectOptions } from "./secret.ts";
import type { System, ValuesContext } from "./system.ts";
import { hostOf, objectStoreEnvironment, resources, restrictedContainer, restrictedPod } from "./values.ts";

const { namespace } = charts["ray-cluster"];
const cluster = "ray";
const dashboard = { service: `${cluster}-head-svc`, port: 8265 };

/** Ray's image for CPU, `rayproject/ray`: about 0.9 GB to pull, 2.4 GB on disk; `-gpu` is 3 times that. */
const rayVersion = "2.52.0";

const sized = {
  small: {
    operator: resources({ cpu: "25m", memory: "96Mi" }, { cpu: "500m", memory: "256Mi" }),
    head: resources({ cpu: "500m", memory: "1536Mi" }, { cpu: "1", memory: "2Gi" }),
    autoscaler: resources({ cpu: "50m", memory: "192Mi" }, { cpu: "500m", memory: "384Mi" }),
    worker: resources({ cpu: "200m", memory: "1Gi" }, { cpu: "1", memory: "2Gi" }),
    workers: { replicas: 1, minReplicas: 1, maxReplicas: 2 },
  },
  production: {
    operator: resources({ cpu: "100m", memory: "256Mi" }, { cpu: "1", memory: "512Mi" }),
    head: resources({ cpu: "1", memory: "4Gi" }, { cpu: "2", memory: "6Gi" }),
    autoscaler: resources({ cpu: "200m", memory: "384Mi" }, { cpu: "500m", memory: "512Mi" }),
    worker: resources({ cpu: "1", memory: "4Gi" }, { cpu: "2", memory: "4Gi" }),
    workers: { replicas: 0, minReplicas: 0, maxReplicas: 10 },
  },
} as const satisfies Record<Size, unknown>;

/** The operator of Ray clusters, jobs and services, for the platform's and the teams' namespaces. */
export const kuberayOperator: System = {
  chart: "kuberay-operator",
  values: ({ size, options }) => ({
    watchNamespace: [namespace, pipelinesNamespace, ...options.teams],
    resources: sized[size].operator,
    metrics: { enabled: true, serviceMonitor: { enabled: true } },
  }),
};

function values(context: ValuesContext): Record<string, unknown> {
  const { target, size } = context;
  const wants = sized[size];
  const { secretName } = identityOf(target, rayWorkerWorkload);
  const shared = {
    // The image names its user (`ray`, uid 1000, group 100), and a name cannot prove that it is not root.
    podSecurityContext: { ...restrictedPod, runAsUser: 1000, runAsGroup: 100, fsGroup: 100 },
    securityContext: restrictedContainer,
    ...(secretName === undefined ? {} : { envFrom: [{ secretRef: { name: secretName } }] }),
  };
  return {
    fullnameOverride: cluster,
    image: { repository: "rayproject/ray", tag: rayVersion, pullPolicy: "IfNotPresent" },
    common: {
      containerEnv: [
        { name: "MLFLOW_TRACKING_URI", value: mlflow.endpoints?.mlflow },
        ...objectStoreEnvironment(target.objectStore),
      ],
    },
    head: {
      ...shared,
      rayVersion,
      serviceAccountName: rayHeadWorkload.serviceAccount,
      enableInTreeAutoscaling: true,
      autoscalerOptions: {
        upscalingMode: "Default",
        idleTimeoutSeconds: 300,
        resources: wants.autoscaler,
        securityContext: restrictedContainer,
      },
      // Tasks run on workers: a task that takes the head's memory takes the cluster with it.
      rayStartParams: { "dashboard-host": "0.0.0.0", "num-cpus": "0" },
      resources: wants.head,
    },
    worker: {
      ...shared,
      groupName: "cpu",
      serviceAccountName: rayWorkerWorkload.serviceAccount,
      ...wants.workers,
      resources: wants.worker,
    },
  };
}

/**
 * One Ray cluster for everyone: a head that schedules and CPU workers that the autoscaler adds.
 *
 * Its dashboard also accepts jobs and asks for no password, so NetworkPolicies and the Ingress decide
 * who can run code here.
 */
export const rayCluster: System = {
  chart: "ray-cluster",
  values,
  prepare: (context) => ({
    resources: [rayHeadWorkload, rayWorkerWorkload].map((workload) => {
      const { annotations } = identityOf(context.target, workload);
      return new k8s.core.v1.ServiceAccount(
        workload.serviceAccount,
        {
          metadata: { name: workload.serviceAccount, namespace, annotations },
          // Only the head asks the API server: its autoscaler reads pods and resizes the cluster.
          automountServiceAccountToken: workload === rayHeadWorkload,
        },
        objectOptions(context),
      );
    }),
  }),
  after: (context, release) => {
    const options = objectOptions(context, [release]);
    const monitor = new k8s.apiextensions.CustomResource(
      "ray-pod-monitor",
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PodMonitor",
        metadata: { name: cluster, namespace },
        spec: {
          selector: { matchLabels: { "ray.io/cluster": cluster } },
          podMetricsEndpoints: [{ port: "metrics" }],
        },
      },
      options,
    );
    const host = hostOf(context.target, "ray");
    if (host === undefined) return [monitor];
    const ingress = new k8s.networking.v1.Ingress(
      "ray-dashboard",
      {
        metadata: {
          name: "ray-dashboard",
          namespace,
          // Its Service is made by the operator, later than this.
          annotations: { ...context.target.ingress?.annotations, "pulumi.com/skipAwait": "true" },
        },
        spec: {
          ...(context.target.ingress === undefined
            ? {}
            : { ingressClassName: context.target.ingress.className }),
          rules: [
            {
              host,
              http: {
                paths: [
                  {
                    path: "/",
                    pathType: "Prefix",
                    backend: { service: { name: dashboard.service, port: { number: dashboard.port } } },
                  },
                ],
              },
            },
          ],
        },
      },
      options,
    );
    return [monitor, ingress];
  },
  services: [{ name: "ray", namespace, ...dashboard }],
  endpoints: {
    ray: `ray://${dashboard.service}.${namespace}.svc.cluster.local:10001`,
    "ray-jobs": `http://${dashboard.service}.${namespace}.svc.cluster.local:${dashboard.port}`,
  },
};
