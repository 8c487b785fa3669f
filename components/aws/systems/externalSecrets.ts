import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { charts } from "../../../charts.ts";
import type { PrepareContext } from "../../platform/system.ts";
import { resources } from "../../platform/values.ts";
import type { Size } from "../../target.ts";
import { DatabaseUser } from "../databaseUser.ts";
import { roleAnnotation } from "../roleAnnotation.ts";
import type { AwsFacts, AwsSystem } from "./facts.ts";
import { dashboardNamespaces, loginSecret } from "./login.ts";

const { namespace } = charts["external-secrets"];

const requests = {
  small: {
    replicas: 1,
    controller: resources({ cpu: "20m", memory: "96Mi" }, { cpu: "200m", memory: "256Mi" }),
    webhook: resources({ cpu: "10m", memory: "48Mi" }, { cpu: "100m", memory: "128Mi" }),
  },
  production: {
    replicas: 2,
    controller: resources({ cpu: "50m", memory: "128Mi" }, { cpu: "500m", memory: "384Mi" }),
    webhook: resources({ cpu: "20m", memory: "64Mi" }, { cpu: "200m", memory: "192Mi" }),
  },
} as const satisfies Record<Size, unknown>;

/** Copies secrets of AWS Secrets Manager into the cluster: MLflow's database user, the dashboards' login. */
export function externalSecrets(facts: AwsFacts): AwsSystem {
  const { name, roleArn } = facts.accounts.secrets;
  return {
    chart: "external-secrets",
    values: ({ size }) => {
      const wants = requests[size];
      return {
        installCRDs: true,
        replicaCount: wants.replicas,
        leaderElect: wants.replicas > 1,
        serviceAccount: { create: true, name, annotations: roleAnnotation(roleArn) },
        // Reading only: nothing in this cluster writes to Secrets Manager.
        processPushSecret: false,
        processClusterPushSecret: false,
        resources: wants.controller,
        webhook: { replicaCount: wants.replicas, resources: wants.webhook },
        certController: { resources: wants.webhook },
        serviceMonitor: { enabled: true },
      };
    },
    after: (context, release) => [
      new DatabaseUser(
        "mlflow-database-user",
        {
          database: facts.database,
          region: facts.region,
          provider: context.target.provider,
          namespace: charts.mlflow.namespace,
          administratorNamespace: namespace,
          passwordGeneration: facts.passwordGeneration,
        },
        { parent: context.parent, dependsOn: [release, context.namespaceOf(charts.mlflow.namespace)] },
      ),
      ...(facts.domain === undefined
        ? []
        : loginSecrets(context, release, facts.region, facts.domain.clientSecretArn)),
    ],
  };
}

/** The load balancer's client at the identity provider, where its controller looks for it. */
function loginSecrets(
  context: PrepareContext,
  release: pulumi.Resource,
  region: string,
  clientSecretArn: string,
): pulumi.Resource[] {
  const options = { parent: context.parent, provider: context.target.provider, dependsOn: [release] };
  const store = new k8s.apiextensions.CustomResource(
    "dashboards-login-store",
    {
      apiVersion: "external-secrets.io/v1",
      kind: "ClusterSecretStore",
      metadata: { name: loginSecret },
      spec: {
        conditions: [{ namespaces: dashboardNamespaces }],
        provider: { aws: { service: "SecretsManager", region } },
      },
    },
    options,
  );
  const secret = new k8s.apiextensions.CustomResource(
    "dashboards-login",
    {
      apiVersion: "external-secrets.io/v1",
      kind: "ClusterExternalSecret",
      metadata: { name: loginSecret },
      spec: {
        externalSecretName: loginSecret,
        namespaces: dashboardNamespaces,
        externalSecretSpec: {
          refreshInterval: "1h",
          secretStoreRef: { name: loginSecret, kind: "ClusterSecretStore" },
          target: { name: loginSecret },
          data: ["clientID", "clientSecret"].map((property) => ({
            secretKey: property,
            remoteRef: { key: clientSecretArn, property },
          })),
        },
      },
    },
    { ...options, dependsOn: [store] },
  );
  return [store, secret];
}
