/** Names that tenants, the platform's charts and pipelines agree on. */
import { charts } from "../../charts.ts";

/** Where the platform's own pipelines run. */
export const pipelinesNamespace = "pipelines";

/** Whether a namespace belongs to the cluster or to the platform, on whatever stack, so that no team can have it. */
export function isReservedNamespace(name: string): boolean {
  const ofSystems = Object.values(charts).some((spec) => spec.namespace === name);
  return ofSystems || name === pipelinesNamespace || name === "default" || name.startsWith("kube-");
}

/** Service accounts in every namespace that runs workflows. */
export const serviceAccounts = {
  /** Reads data sets, writes step artifacts. */
  training: "training",
  /** Writes the model repository; in the pipelines namespace only. */
  deployment: "deployment",
  /** Reports step results to Argo; its token is mounted in Argo's own containers only. */
  executor: "workflow-executor",
} as const;

/** The service account whose token a person pastes into the Argo Workflows UI. */
export const workflowsUser = { name: "workflows-user", namespace: "argo" } as const;

/** ClusterRole that the user above is bound to, namespace by namespace. */
export const workflowsUserRole = "mlops-workflows-user";

/**
 * Label of the pods that may load models: NetworkPolicies let only these reach the model servers,
 * because the ports of inference and of administration are the same.
 */
export const deploymentStepLabels = { "mlops.dev/role": "deployment" } as const;

/** Label of vLLM's engine pods; the chart names them after the model. */
export const engineLabels = { "mlops.dev/engine": "vllm" } as const;

/** Label of the Job that makes MLflow's database user, the only pod besides MLflow that reaches the database. */
export const databaseUserLabels = { "mlops.dev/role": "database-user" } as const;

/** Labels of the gateway's pods, which clients reach, and of the reconciler's, which alone load models. */
export const gatewayLabels = { "app.kubernetes.io/name": "gateway" } as const;
export const reconcilerLabels = { "app.kubernetes.io/name": "reconciler" } as const;

/**
 * Ports of gateway (clients; its reports and metrics), of the reconciler (its status and metrics) and of what
 * downloads adapters beside each vLLM engine.
 */
export const gatewayPorts = { serve: 8080, admin: 8081, status: 8082, adapters: 8083 } as const;

/** Secret with the word by which a vLLM engine knows the reconciler: its key is a variable's name. */
export const vllmAdminSecret = { name: "vllm-admin", key: "MLOPS_VLLM_ADMIN_TOKEN" } as const;
