/** An embedded cluster with Argo's CRDs and what steps find in the namespace `pipelines`. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PipelineNamespace, platformConfigMap, runsPodsAnnotation } from "@mlops/runner";
import { stringify } from "yaml";
import { destroy, start } from "../../../tools/embedded/cluster.ts";
import type { Handover } from "../../../tools/embedded/handover.ts";
import { exec } from "../../../tools/lib/exec.ts";
import { createLog } from "../../../tools/lib/log.ts";

export interface TestCluster {
  readonly handover: Handover;
  readonly namespace: PipelineNamespace;
  apply(...objects: object[]): Promise<void>;
  kubectl(...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

const log = createLog({ write: () => {} });

/** Kinds of Argo as the chart's minimal CRDs have them: schemas that keep every field. */
function crd(kind: string, subresources: object = {}): object {
  const plural = `${kind.toLowerCase()}s`;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.argoproj.io` },
    spec: {
      group: "argoproj.io",
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: "Namespaced",
      versions: [
        {
          name: "v1alpha1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          ...subresources,
        },
      ],
    },
  };
}

export async function startTestCluster(): Promise<TestCluster> {
  const parent = await mkdtemp(join(tmpdir(), "mlops-runner-"));
  const dir = join(parent, "cluster");
  const cluster = await start({ dir, log });
  const { handover } = cluster;
  const kubectl = async (...args: string[]): Promise<string> =>
    (await exec("kubectl", ["--kubeconfig", handover.kubeconfig, ...args], { timeoutMs: 60_000 })).stdout;
  const apply = async (...objects: object[]): Promise<void> => {
    const input = objects.map((object) => stringify(object)).join("---\n");
    const args = ["--kubeconfig", handover.kubeconfig, "apply", "--server-side", "-f", "-"];
    await exec("kubectl", args, { input, timeoutMs: 60_000 });
  };
  await apply(crd("WorkflowTemplate"), crd("Workflow"), {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "pipelines" },
  });
  await kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s");
  await cluster.waitServices();
  await apply(...environmentOf(handover));
  return {
    handover,
    namespace: new PipelineNamespace({ kubeconfig: handover.kubeconfig, namespace: "pipelines" }),
    apply,
    kubectl,
    remove: async () => {
      await destroy({ dir, log });
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

/** The ConfigMap and the Secret that the program makes in this namespace. */
function environmentOf({ minio, mlflow }: Handover): object[] {
  if (minio === undefined || mlflow === undefined) throw new Error("the cluster has no services");
  const metadata = (name: string): object => ({ name, namespace: "pipelines" });
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { ...metadata(platformConfigMap), annotations: { [runsPodsAnnotation]: "false" } },
      data: {
        MLFLOW_TRACKING_URI: mlflow.url,
        AWS_ENDPOINT_URL_S3: minio.endpoint,
        AWS_REGION: "us-east-1",
        MLOPS_BUCKET_MLFLOW_ARTIFACTS: "mlflow-artifacts",
      },
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: metadata("object-store"),
      stringData: { AWS_ACCESS_KEY_ID: minio.accessKey, AWS_SECRET_ACCESS_KEY: minio.secretKey },
    },
  ];
}
