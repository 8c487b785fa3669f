import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { pipelinesNamespace, serviceAccounts, workflowsUser, workflowsUserRole } from "../tenancy/names.ts";
import { identityOf, trainingWorkload } from "../tenancy/workloads.ts";
import { objectOptions } from "./secret.ts";
import type { PrepareContext, System, ValuesContext } from "./system.ts";
import {
  endpointParts,
  hostOf,
  ingressAnnotations,
  resources,
  restrictedContainer,
  restrictedPod,
} from "./values.ts";

const { namespace } = charts["argo-workflows"];

const sized = {
  small: {
    replicas: 1,
    controller: resources({ cpu: "100m", memory: "128Mi" }, { cpu: "500m", memory: "384Mi" }),
    server: resources({ cpu: "25m", memory: "96Mi" }, { cpu: "500m", memory: "256Mi" }),
  },
  production: {
    replicas: 2,
    controller: resources({ cpu: "250m", memory: "512Mi" }, { cpu: "2", memory: "1Gi" }),
    server: resources({ cpu: "100m", memory: "256Mi" }, { cpu: "1", memory: "512Mi" }),
  },
} as const satisfies Record<Size, unknown>;

const hour = 3600;

/** What a step's pod gets unless its template says otherwise. */
const workflowDefaults = {
  spec: {
    serviceAccountName: serviceAccounts.training,
    // The step's own code gets no token; Argo's containers get the executor's, which may only report.
    automountServiceAccountToken: false,
    executor: { serviceAccountName: serviceAccounts.executor },
    securityContext: { ...restrictedPod, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
    activeDeadlineSeconds: 24 * hour,
    ttlStrategy: { secondsAfterSuccess: 24 * hour, secondsAfterFailure: 7 * 24 * hour },
    podGC: { strategy: "OnPodSuccess", deleteDelayDuration: "600s" },
  },
};

/** Where steps leave artifacts and logs: under a prefix of its own in MLflow's artifact bucket. */
function artifactRepository(context: ValuesContext): Record<string, unknown> {
  const { objectStore } = context.target;
  const { secretName } = identityOf(context.target, trainingWorkload(pipelinesNamespace));
  const endpoint = endpointParts(objectStore);
  return {
    archiveLogs: true,
    s3: {
      bucket: objectStore.buckets.mlflowArtifacts,
      region: objectStore.region,
      keyFormat: "workflows/{{workflow.namespace}}/{{workflow.name}}/{{pod.name}}",
      ...(endpoint === undefined
        ? { insecure: false }
        : { endpoint: endpoint.authority, insecure: !endpoint.tls }),
      ...(secretName === undefined
        ? { useSDKCreds: true }
        : {
            accessKeySecret: { name: secretName, key: "AWS_ACCESS_KEY_ID" },
            secretKeySecret: { name: secretName, key: "AWS_SECRET_ACCESS_KEY" },
          }),
    },
  };
}

function values(context: ValuesContext): Record<string, unknown> {
  const { target, size } = context;
  const wants = sized[size];
  const host = hostOf(target, "workflows");
  return {
    // 4.0.6, the chart's own, can hang a step that reads the output of a skipped one (fixed in 4.0.7);
    // 4.0.8 has the same CRDs and RBAC.
    images: { tag: "v4.0.8", pullPolicy: "IfNotPresent" },
    // The full CRDs are downloaded by a Job at install time; the minimal ones come with the chart.
    crds: { full: false, keep: false },
    // Service accounts and roles of workflows are made with their namespaces (components/tenancy).
    workflow: { serviceAccount: { create: false }, rbac: { create: false } },
    controller: {
      workflowNamespaces: [pipelinesNamespace],
      replicas: wants.replicas,
      ...(wants.replicas > 1 ? { pdb: { enabled: true, maxUnavailable: 1 } } : {}),
      resources: wants.controller,
      podSecurityContext: restrictedPod,
      metricsConfig: { enabled: true },
      serviceMonitor: { enabled: true },
      persistence: {},
      workflowDefaults,
      clusterWorkflowTemplates: { enabled: false },
    },
    mainContainer: {
      resources: resources({ cpu: "100m", memory: "128Mi" }, { cpu: "1", memory: "1Gi" }),
      securityContext: restrictedContainer,
    },
    executor: {
      resources: resources({ cpu: "10m", memory: "64Mi" }, { cpu: "500m", memory: "512Mi" }),
      securityContext: restrictedContainer,
    },
    server: {
      replicas: wants.replicas,
      ...(wants.replicas > 1 ? { pdb: { enabled: true, maxUnavailable: 1 } } : {}),
      resources: wants.server,
      podSecurityContext: restrictedPod,
      // Everyone who reaches the server shows a token of their own; in mode `server` whoever reaches
      // it could start pods.
      authModes: ["client"],
      clusterWorkflowTemplates: { enabled: false },
      ...(host === undefined
        ? {}
        : {
            ingress: {
              enabled: true,
              ingressClassName: target.ingress?.className,
              ...ingressAnnotations(target),
              hosts: [host],
            },
          }),
    },
    artifactRepository: artifactRepository(context),
  };
}

/** What the UI's user may do in each namespace that runs workflows. */
function userRules(context: PrepareContext): k8s.types.input.rbac.v1.PolicyRule[] {
  const { secretName } = identityOf(context.target, trainingWorkload(pipelinesNamespace));
  const read = ["get", "list", "watch"];
  return [
    {
      apiGroups: ["argoproj.io"],
      resources: ["workflows", "workflowtemplates", "cronworkflows", "workflowtasksets"],
      verbs: [...read, "create", "update", "patch", "delete"],
    },
    { apiGroups: [""], resources: ["pods", "pods/log", "events"], verbs: read },
    // The server reads archived logs and artifacts in the user's name.
    ...(secretName === undefined
      ? []
      : [{ apiGroups: [""], resources: ["secrets"], resourceNames: [secretName], verbs: ["get"] }]),
  ];
}

/** The Authorization header that a person pastes into the UI. */
function bearerToken(secret: k8s.core.v1.Secret): pulumi.Output<string> {
  const header = secret.data.apply((data) => {
    const token = data?.token;
    return token === undefined ? "" : `Bearer ${Buffer.from(token, "base64").toString("utf8")}`;
  });
  return pulumi.secret(header);
}

/** Argo Workflows: controller, server with UI, and one user for it. */
export const workflows: System = {
  chart: "argo-workflows",
  values,
  prepare: (context) => {
    const options = objectOptions(context);
    const role = new k8s.rbac.v1.ClusterRole(
      "workflows-user-role",
      { metadata: { name: workflowsUserRole }, rules: userRules(context) },
      options,
    );
    const account = new k8s.core.v1.ServiceAccount(
      "workflows-user",
      {
        metadata: { name: workflowsUser.name, namespace: workflowsUser.namespace },
        automountServiceAccountToken: false,
      },
      options,
    );
    const token = new k8s.core.v1.Secret(
      "workflows-user-token",
      {
        metadata: {
          name: `${workflowsUser.name}.service-account-token`,
          namespace: workflowsUser.namespace,
          annotations: { "kubernetes.io/service-account.name": workflowsUser.name },
        },
        type: "kubernetes.io/service-account-token",
      },
      { ...objectOptions(context, [account]), additionalSecretOutputs: ["data"] },
    );
    return { resources: [role, account, token], credentials: { token: bearerToken(token) } };
  },
  services: [{ name: "workflows", namespace, service: "argo-workflows-server", port: 2746 }],
  endpoints: { workflows: `http://argo-workflows-server.${namespace}.svc.cluster.local:2746` },
};
