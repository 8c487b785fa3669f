import type { PlatformChartName } from "../../charts.ts";
import { argocd } from "./argocd.ts";
import { fakeGpu } from "./fakeGpu.ts";
import { kuberayOperator, rayCluster } from "./kuberay.ts";
import { minio } from "./minio.ts";
import { mlflow } from "./mlflow.ts";
import { prometheus, prometheusOperatorCrds } from "./prometheus.ts";
import type { System } from "./system.ts";
import { triton } from "./triton.ts";
import { vllm } from "./vllm.ts";
import { workflows } from "./workflows.ts";

/** Every system of the platform itself, by its chart. */
export const systems: Readonly<Record<PlatformChartName, System>> = {
  "prometheus-operator-crds": prometheusOperatorCrds,
  "kube-prometheus-stack": prometheus,
  "argo-cd": argocd,
  "argo-workflows": workflows,
  minio,
  mlflow,
  "kuberay-operator": kuberayOperator,
  "ray-cluster": rayCluster,
  triton,
  "vllm-stack": vllm,
  "fake-gpu-operator": fakeGpu,
};
