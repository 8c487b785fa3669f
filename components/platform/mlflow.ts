import * as k8s from "@pulumi/kubernetes";
import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { identityOf, mlflowWorkload } from "../tenancy/workloads.ts";
import { objectOptions } from "./secret.ts";
import type { System, ValuesContext } from "./system.ts";
import { hostOf, ingressAnnotations, resources } from "./values.ts";

const { namespace } = charts.mlflow;
const port = 5000;
const claim = "mlflow-sqlite";

/** A worker takes about 210 MiB and the parent as much (measured with 3.15.1); uploads come on top. */
const sized = {
  small: {
    workers: 1,
    replicas: 1,
    volume: "5Gi",
    server: resources({ cpu: "300m", memory: "768Mi" }, { cpu: "1", memory: "1536Mi" }),
  },
  production: {
    workers: 4,
    replicas: 2,
    volume: "20Gi",
    server: resources({ cpu: "500m", memory: "2Gi" }, { cpu: "2", memory: "3Gi" }),
  },
} as const satisfies Record<Size, unknown>;

/**
 * Host headers that MLflow answers; others get 403, against DNS rebinding.
 *
 * MLflow compares the whole header, port included, and a list replaces its own one. So: the Service's
 * names, the Ingress's host on any port, a forwarded port, and private addresses, under which
 * Prometheus scrapes pods.
 */
export function allowedHosts(ingressHost: string | undefined): string[] {
  const service = ["mlflow", `mlflow.${namespace}`, `mlflow.${namespace}.svc`];
  const names = [...service, `mlflow.${namespace}.svc.cluster.local`, "localhost", "127.0.0.1"];
  if (ingressHost !== undefined) names.push(ingressHost);
  const between16and31 = Array.from({ length: 16 }, (_, index) => `172.${16 + index}.*`);
  return [...names.flatMap((name) => [name, `${name}:*`]), "10.*", "192.168.*", ...between16and31];
}

/** Runs, models and traces: SQLite on a volume for one replica, or PostgreSQL. */
function backend(context: ValuesContext): Record<string, unknown> {
  const { database } = context.target;
  const wants = sized[context.size];
  if (database.kind === "sqlite") {
    return {
      replicaCount: 1,
      // Two servers must not write one SQLite file, and the volume mounts once.
      strategy: { type: "Recreate" },
      backendStore: { defaultSqlitePath: "/mlflow/data/mlflow.db" },
    };
  }
  return {
    replicaCount: wants.replicas,
    backendStore: {
      // In an init container: a failed migration is seen as such, not as a server that does not start.
      databaseMigration: true,
      postgres: {
        enabled: true,
        host: database.host,
        port: database.port,
        database: database.name,
      },
      existingDatabaseSecret: {
        name: database.existingSecret,
        usernameKey: "username",
        passwordKey: "password",
      },
    },
  };
}

function values(context: ValuesContext): Record<string, unknown> {
  const { target, size } = context;
  const { objectStore, database } = target;
  const wants = sized[size];
  const identity = identityOf(target, mlflowWorkload);
  const host = hostOf(target, "mlflow");
  const sqlite = database.kind === "sqlite";
  return {
    ...backend(context),
    serviceAccount: {
      create: true,
      name: mlflowWorkload.serviceAccount,
      automount: false,
      annotations: identity.annotations,
    },
    podSecurityContext: {
      fsGroup: 1001,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    service: { port },
    artifactRoot: {
      // Clients send artifacts through the server, so training pods need no keys for this bucket.
      proxiedArtifactStorage: true,
      s3: {
        enabled: true,
        bucket: objectStore.buckets.mlflowArtifacts,
        ...(identity.secretName === undefined ? {} : { existingSecret: { name: identity.secretName } }),
      },
    },
    extraArgs: { workers: String(wants.workers) },
    extraEnvVars: {
      AWS_DEFAULT_REGION: objectStore.region,
      ...(objectStore.endpoint === undefined ? {} : { MLFLOW_S3_ENDPOINT_URL: objectStore.endpoint }),
      // Seven more processes of 230 MB each, for scorers and prompt optimization that nobody here uses.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
    },
    serverAllowedHosts: allowedHosts(host),
    // The chart allows the Ingress's host on its scheme's default port only; elsewhere the UI's own
    // requests would be refused.
    corsAllowedOrigins: host === undefined ? [] : [`http://${host}:*`, `https://${host}`],
    resources: wants.server,
    serviceMonitor: { enabled: true, useServicePort: true, namespace },
    extraVolumes: [
      // The root file system is read-only, and the exporter writes its counters to files.
      { name: "metrics", emptyDir: { sizeLimit: "64Mi" } },
      ...(sqlite ? [{ name: "sqlite", persistentVolumeClaim: { claimName: claim } }] : []),
    ],
    extraVolumeMounts: [
      { name: "metrics", mountPath: "/mlflow/metrics" },
      ...(sqlite ? [{ name: "sqlite", mountPath: "/mlflow/data" }] : []),
    ],
    // The first start migrates an empty database and takes half a minute.
    livenessProbe: { initialDelaySeconds: 60, periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 5 },
    readinessProbe: { initialDelaySeconds: 5, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 5 },
    ...(host === undefined
      ? {}
      : {
          ingress: {
            enabled: true,
            className: target.ingress?.className,
            ...ingressAnnotations(target),
            hosts: [{ host, paths: [{ path: "/", pathType: "Prefix" }] }],
          },
        }),
  };
}

/** MLflow's tracking server and model registry; artifacts go through it to the object store. */
export const mlflow: System = {
  chart: "mlflow",
  values,
  prepare: (context) => {
    const { target } = context;
    if (target.database.kind !== "sqlite") return { resources: [] };
    // A resource of its own: it outlives the release's replacement, and runs with it.
    const volume = new k8s.core.v1.PersistentVolumeClaim(
      "mlflow-sqlite",
      {
        metadata: {
          name: claim,
          namespace,
          // Bound at the first pod that uses it; waiting for that would wait for the release.
          annotations: { "pulumi.com/skipAwait": "true" },
        },
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: sized[context.size].volume } },
          ...(target.storageClass === undefined ? {} : { storageClassName: target.storageClass }),
        },
      },
      objectOptions(context),
    );
    return { resources: [volume] };
  },
  services: [{ name: "mlflow", namespace, service: "mlflow", port }],
  endpoints: { mlflow: `http://mlflow.${namespace}.svc.cluster.local:${port}` },
};
