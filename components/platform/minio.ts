import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { opaqueSecret } from "./secret.ts";
import type { System, ValuesContext } from "./system.ts";
import { hostOf, ingressAnnotations, resources, restrictedContainer, restrictedPod } from "./values.ts";

const { namespace } = charts.minio;
const rootSecret = "minio-root";

const sized = {
  small: {
    volume: "10Gi",
    server: resources({ cpu: "150m", memory: "512Mi" }, { cpu: "1", memory: "1Gi" }),
  },
  production: {
    volume: "200Gi",
    server: resources({ cpu: "500m", memory: "2Gi" }, { cpu: "2", memory: "4Gi" }),
  },
} as const satisfies Record<Size, unknown>;

const job = resources({ cpu: "50m", memory: "128Mi" }, { cpu: "500m", memory: "256Mi" });

const nonRoot = { ...restrictedPod, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 };

function ingress(context: ValuesContext, key: "ingress" | "consoleIngress", service: string): object {
  const host = hostOf(context.target, service);
  if (host === undefined) return {};
  const { className } = context.target.ingress ?? {};
  const annotations = ingressAnnotations(context.target);
  return { [key]: { enabled: true, ingressClassName: className, ...annotations, hosts: [host] } };
}

function values(context: ValuesContext): Record<string, unknown> {
  const { target, size } = context;
  const { buckets } = target.objectStore;
  const { modelRegistry } = buckets;
  if (typeof modelRegistry !== "string")
    throw new Error("a self-hosted object store's buckets have plain names");
  const wants = sized[size];
  return {
    mode: "standalone",
    replicas: 1,
    // The chart's own tags are of 2024. These are the last community images on quay.io (MinIO stopped
    // publishing them after this release).
    image: { tag: "RELEASE.2025-09-07T16-13-09Z" },
    mcImage: { tag: "RELEASE.2025-08-13T08-35-41Z" },
    // One volume cannot be written by two servers, so the old one goes first.
    deploymentUpdate: { type: "Recreate" },
    existingSecret: rootSecret,
    // The default is a user console/console123 with every right.
    users: [],
    buckets: [buckets.mlflowArtifacts, buckets.modelRegistry, buckets.datasets].map((name) => ({
      name,
      policy: "none",
      purge: false,
      versioning: true,
    })),
    persistence: {
      enabled: true,
      size: wants.volume,
      ...(target.storageClass === undefined ? {} : { storageClass: target.storageClass }),
    },
    resources: wants.server,
    securityContext: { enabled: true, fsGroupChangePolicy: "OnRootMismatch", ...nonRoot },
    containerSecurityContext: { readOnlyRootFilesystem: false, ...restrictedContainer },
    postJob: { securityContext: { enabled: true, ...nonRoot } },
    makeBucketJob: {
      securityContext: { enabled: true },
      containerSecurityContext: restrictedContainer,
      resources: job,
    },
    // Triton does not start while its folder has no object. `mb`: buckets are made beside this, not before it.
    customCommands: [
      { command: `mb --ignore-existing myminio/${modelRegistry}` },
      { command: `cp /etc/hostname myminio/${modelRegistry}/triton/.repository` },
    ],
    customCommandJob: {
      securityContext: { enabled: true },
      containerSecurityContext: restrictedContainer,
      resources: job,
    },
    // Metrics need no token; NetworkPolicies say who may ask.
    metrics: { serviceMonitor: { enabled: true, includeNode: true, public: true } },
    ...ingress(context, "ingress", "s3"),
    ...ingress(context, "consoleIngress", "minio"),
  };
}

/**
 * The object store of targets that bring none: one server, versioned buckets.
 *
 * The administrator's keys come from the target, which hands the same keys to the namespaces whose
 * pods use the store.
 */
export const minio: System = {
  chart: "minio",
  values,
  prepare: (context) => {
    const { keys } = context.target.objectStore;
    if (keys === undefined) {
      throw new Error(`target ${context.target.name}: a self-hosted object store needs objectStore.keys`);
    }
    const secret = opaqueSecret("minio-root", context, {
      namespace,
      secretName: rootSecret,
      stringData: { rootUser: keys.accessKeyId, rootPassword: keys.secretAccessKey },
    });
    return {
      resources: [secret],
      credentials: { username: keys.accessKeyId, password: keys.secretAccessKey },
    };
  },
  services: [
    { name: "minio", namespace, service: "minio-console", port: 9001 },
    { name: "s3", namespace, service: "minio", port: 9000 },
  ],
  endpoints: { s3: `http://minio.${namespace}.svc.cluster.local:9000` },
};
