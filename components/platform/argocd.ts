import * as k8s from "@pulumi/kubernetes";
import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { applicationsProject, lockedDefaultProject, rootApplication, teamsProject } from "./gitops.ts";
import { generatedPassword, objectOptions, opaqueSecret } from "./secret.ts";
import type { System, ValuesContext } from "./system.ts";
import { hostOf, ingressAnnotations, resources } from "./values.ts";

const { namespace } = charts["argo-cd"];

const sized = {
  small: {
    controller: resources({ cpu: "150m", memory: "320Mi" }, { cpu: "1", memory: "768Mi" }),
    server: resources({ cpu: "25m", memory: "128Mi" }, { cpu: "500m", memory: "256Mi" }),
    repoServer: resources({ cpu: "50m", memory: "160Mi" }, { cpu: "1", memory: "512Mi" }),
    redis: resources({ cpu: "10m", memory: "48Mi" }, { cpu: "200m", memory: "128Mi" }),
    applicationSet: resources({ cpu: "25m", memory: "96Mi" }, { cpu: "200m", memory: "192Mi" }),
    replicas: { server: 1, repoServer: 1, applicationSet: 0 },
  },
  production: {
    controller: resources({ cpu: "500m", memory: "1Gi" }, { cpu: "2", memory: "2Gi" }),
    server: resources({ cpu: "100m", memory: "256Mi" }, { cpu: "1", memory: "512Mi" }),
    repoServer: resources({ cpu: "250m", memory: "384Mi" }, { cpu: "1", memory: "1Gi" }),
    redis: resources({ cpu: "50m", memory: "96Mi" }, { cpu: "500m", memory: "256Mi" }),
    applicationSet: resources({ cpu: "50m", memory: "128Mi" }, { cpu: "500m", memory: "256Mi" }),
    replicas: { server: 2, repoServer: 2, applicationSet: 1 },
  },
} as const satisfies Record<Size, unknown>;

const metrics = { enabled: true, serviceMonitor: { enabled: true } };

function values(context: ValuesContext): Record<string, unknown> {
  const { target, size } = context;
  const wants = sized[size];
  const host = hostOf(target, "argocd");
  return {
    fullnameOverride: "argocd",
    // Destroying the stack removes what it made; the chart would leave its CRDs behind.
    crds: { keep: false },
    global: {
      ...(host === undefined ? {} : { domain: host }),
      // The chart's policies open the server to everyone and every metrics port to every namespace;
      // components/tenancy opens what is needed and no more.
      networkPolicy: { create: false },
    },
    configs: {
      // TLS ends at the ingress controller; nothing outside the cluster reaches this port.
      params: { "server.insecure": true },
      secret: { createSecret: false },
    },
    dex: { enabled: false },
    notifications: { enabled: false },
    redisSecretInit: { enabled: false },
    controller: { resources: wants.controller, metrics },
    server: {
      replicas: wants.replicas.server,
      resources: wants.server,
      metrics,
      ...(host === undefined
        ? {}
        : {
            ingress: {
              enabled: true,
              ingressClassName: target.ingress?.className,
              ...ingressAnnotations(target),
              hostname: host,
            },
          }),
    },
    repoServer: {
      replicas: wants.replicas.repoServer,
      resources: wants.repoServer,
      copyutil: { resources: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "200m", memory: "128Mi" }) },
      // It clones and renders what repositories say; it must not be able to ask the API server.
      automountServiceAccountToken: false,
      metrics,
    },
    redis: { resources: wants.redis, automountServiceAccountToken: false },
    applicationSet: { replicas: wants.replicas.applicationSet, resources: wants.applicationSet },
  };
}

/** ArgoCD, its administrator's password, and the projects that say what users may deploy where. */
export const argocd: System = {
  chart: "argo-cd",
  values,
  prepare: (context) => {
    const password = generatedPassword("argocd-admin-password", context.parent);
    const signature = generatedPassword("argocd-server-signature", context.parent, 64);
    const redis = generatedPassword("argocd-redis-password", context.parent);
    const secret = opaqueSecret("argocd-secret", context, {
      namespace,
      secretName: "argocd-secret",
      // ArgoCD reads only Secrets with this label.
      labels: { "app.kubernetes.io/name": "argocd-secret", "app.kubernetes.io/part-of": "argocd" },
      stringData: {
        "admin.password": password.bcryptHash,
        // Tokens issued before it are void; without it ArgoCD would write the time of its first start.
        "admin.passwordMtime": "2026-01-01T00:00:00Z",
        "server.secretkey": signature.result,
      },
    });
    const redisSecret = opaqueSecret("argocd-redis", context, {
      namespace,
      secretName: "argocd-redis",
      stringData: { auth: redis.result },
    });
    return {
      resources: [secret, redisSecret],
      credentials: { username: "admin", password: password.result },
    };
  },
  after: (context, release) => {
    const { gitops, teams } = context.options;
    const options = objectOptions(context, [release]);
    const projects = [
      lockedDefaultProject(namespace),
      teamsProject(namespace, teams, gitops),
      applicationsProject(namespace, gitops),
    ].map(
      (project) =>
        new k8s.apiextensions.CustomResource(`argocd-project-${project.metadata.name}`, project, options),
    );
    if (gitops === undefined) return projects;
    const root = rootApplication(namespace, gitops, context.target.runsPods);
    return [...projects, new k8s.apiextensions.CustomResource("argocd-root-application", root, options)];
  },
  services: [{ name: "argocd", namespace, service: "argocd-server", port: 80 }],
};
