/** The workloads that use the object store, and what each may do there: one table for IAM and Secrets. */
import { charts } from "../../charts.ts";
import type { Grant, TargetFacts, WorkloadIdentity } from "../target.ts";
import { pipelinesNamespace, serviceAccounts } from "./names.ts";

export interface Workload {
  readonly namespace: string;
  /** Service account that its pods run as. */
  readonly serviceAccount: string;
  readonly grants: readonly Grant[];
}

const readDatasets: Grant = { bucket: "datasets", access: "read" };
const writeArtifacts: Grant = { bucket: "mlflowArtifacts", access: "readWrite" };
const readModels: Grant = { bucket: "modelRegistry", access: "read" };

export const mlflowWorkload: Workload = {
  namespace: charts.mlflow.namespace,
  serviceAccount: "mlflow",
  grants: [writeArtifacts],
};

export const rayHeadWorkload: Workload = {
  namespace: charts["ray-cluster"].namespace,
  serviceAccount: "ray-head",
  grants: [readDatasets, writeArtifacts],
};

export const rayWorkerWorkload: Workload = { ...rayHeadWorkload, serviceAccount: "ray-worker" };

export const tritonWorkload: Workload = {
  namespace: charts.triton.namespace,
  serviceAccount: "triton",
  grants: [readModels],
};

/** Gateway and reconciler, which read the models' records. */
export const gatewayWorkload: Workload = { ...tritonWorkload, serviceAccount: "gateway" };

export const vllmWorkload: Workload = { ...tritonWorkload, serviceAccount: "vllm" };

/** Training steps, which also leave step artifacts; in the pipelines namespace and in each team's. */
export function trainingWorkload(namespace: string): Workload {
  return {
    namespace,
    serviceAccount: serviceAccounts.training,
    grants: [readDatasets, writeArtifacts],
  };
}

/** Steps that put models where the servers read them. */
export const deploymentWorkload: Workload = {
  namespace: pipelinesNamespace,
  serviceAccount: serviceAccounts.deployment,
  grants: [readDatasets, writeArtifacts, { bucket: "modelRegistry", access: "readWrite" }],
};

/** Every workload of a stack with these teams. */
export function allWorkloads(teams: readonly string[]): Workload[] {
  return [
    mlflowWorkload,
    rayHeadWorkload,
    rayWorkerWorkload,
    tritonWorkload,
    vllmWorkload,
    gatewayWorkload,
    deploymentWorkload,
    ...[pipelinesNamespace, ...teams].map(trainingWorkload),
  ];
}

/** How a workload's pods get credentials on this target. */
export function identityOf(target: TargetFacts, workload: Workload): WorkloadIdentity {
  return target.workloadIdentity(workload.namespace, workload.serviceAccount, workload.grants);
}
