import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import type { ClusterTarget, TargetFacts } from "../../../components/target.ts";
import { specHash } from "../../../packages/runner/contract.ts";
import { compile } from "../../../pipelines/builder/index.ts";
import { Pipelines } from "../../../pipelines/component.ts";
import { stepEnvironment } from "../../../pipelines/environment.ts";
import { pipelines } from "../../../pipelines/index.ts";
import { cloud, embedded, k3d } from "../platform/contexts.ts";

interface Made {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs of many kinds
  readonly inputs: any;
}

let made: Made[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs, id }) => {
      made.push({ type, inputs });
      return { id: id ?? name, state: inputs };
    },
    call: ({ inputs }) => inputs,
  });
});

const processes = {
  mlflow: "http://127.0.0.1:1",
  s3: "http://127.0.0.1:2",
  triton: "http://127.0.0.1:3,http://127.0.0.1:4",
  gateway: "http://127.0.0.1:5",
};
const imageTags = { training: "1.2.3", deployment: "4.5.6", benchmark: "7.8.9" };

async function make(facts: TargetFacts): Promise<void> {
  made = [];
  const target: ClusterTarget = {
    ...facts,
    imageRegistry: pulumi.output("registry.example/x"),
    provider: new k8s.Provider("test", { kubeconfig: "{}" }),
    kubeconfig: pulumi.secret("{}"),
    url: () => undefined,
    dependsOn: [],
    ...(facts.runsPods ? {} : { processes }),
  };
  const namespace = new pulumi.ComponentResource("test:index:Namespace", "pipelines");
  new Pipelines("pipelines", { target, namespace, workflows: [], pipelines, imageTags });
  await pulumi.runtime.disconnect();
}

const of = (kind: string): Made["inputs"][] =>
  made.filter(({ type }) => type.endsWith(`:${kind}`)).map(({ inputs }) => inputs);

/** What the release of the pipelines installs. */
const installed = (kind: string): Made["inputs"][] =>
  of("Release")
    .flatMap(({ values }): string[] => values.manifests)
    .map((text) => JSON.parse(text))
    .filter((object) => object.kind === kind);

describe("Pipelines", () => {
  it("deploys every pipeline exactly as the compiler made it", async () => {
    await make(k3d);
    const images = {
      training: "registry.example/x/training:1.2.3",
      deployment: "registry.example/x/deployment:4.5.6",
      benchmark: "registry.example/x/benchmark:7.8.9",
    };
    const place = {
      namespace: "pipelines",
      images,
      objectStoreSecret: "object-store",
      accelerators: k3d.accelerators,
      gpus: 0,
    };
    const expected = pipelines.map((pipeline) => compile(pipeline, place));
    const hashes = (objects: readonly { metadata: { name?: string }; spec: unknown }[]): object =>
      Object.fromEntries(objects.map(({ metadata, spec }) => [metadata.name, specHash(spec)]));
    expect(hashes(installed("WorkflowTemplate"))).toEqual(hashes(expected.map(({ template }) => template)));
    expect(installed("CronWorkflow")).toEqual(expected.flatMap(({ cron }) => cron ?? []));
  });

  it("asks for a GPU where there are any that compute, in the accelerator class of the step", async () => {
    const asked = (): object[] =>
      installed("WorkflowTemplate")
        .flatMap(({ spec }) => spec.templates)
        .filter(({ container }) => container?.resources.limits["nvidia.com/gpu"] !== undefined)
        .map(({ nodeSelector }) => nodeSelector);
    await make(k3d);
    expect(asked()).toEqual([]);
    await make(cloud);
    for (const name of ["l4", "t4"] as const)
      expect(asked()).toContainEqual(cloud.accelerators[name].nodeSelector);
  });

  it("names no Secret where service accounts bring an identity", async () => {
    await make(cloud);
    const froms = installed("WorkflowTemplate").flatMap(({ spec }) =>
      spec.templates.flatMap(
        (template: { container?: { envFrom: object[] } }) => template.container?.envFrom ?? [],
      ),
    );
    const required = froms.filter((from) => "secretRef" in from && from.secretRef.optional !== true);
    expect(required).toEqual([]);
    expect(froms).toContainEqual({ configMapRef: { name: "platform" } });
  });

  it("tells the steps, and whoever runs them, where they are", async () => {
    await make(embedded);
    expect(of("ConfigMap")).toMatchObject([
      {
        metadata: {
          name: "platform",
          namespace: "pipelines",
          annotations: { "mlops.dev/runs-pods": "false" },
        },
        data: {
          MLFLOW_TRACKING_URI: processes.mlflow,
          AWS_ENDPOINT_URL_S3: processes.s3,
          MLOPS_TRITON_URLS: processes.triton,
          MLOPS_TRITON_BACKEND: "python",
        },
      },
    ]);
    await make(k3d);
    expect(of("ConfigMap")[0].metadata.annotations).toEqual({ "mlops.dev/runs-pods": "true" });
  });
});

describe("the environment of steps", () => {
  it("has the addresses of Services where pods run", () => {
    const llm = { model: "a/model", revision: "0123", replicas: 1 };
    expect(stepEnvironment(k3d, undefined, llm)).toEqual({
      MLFLOW_TRACKING_URI: "http://mlflow.mlflow.svc.cluster.local:5000",
      MLOPS_TRITON_URLS: "dns+http://triton-replicas.serving.svc.cluster.local:8000",
      MLOPS_VLLM_URLS: "dns+http://vllm-replicas.serving.svc.cluster.local:8000",
      MLOPS_GATEWAY_URL: "http://gateway.serving.svc.cluster.local:8080",
      MLOPS_GATEWAY_ADMIN_URLS: "dns+http://gateway-replicas.serving.svc.cluster.local:8081",
      MLOPS_RECONCILER_URL: "http://reconciler.serving.svc.cluster.local:8082",
      AWS_ENDPOINT_URL_S3: "http://minio.minio.svc.cluster.local:9000",
      AWS_REGION: "us-east-1",
      MLOPS_BUCKET_MLFLOW_ARTIFACTS: "mlflow-artifacts",
      MLOPS_BUCKET_MODEL_REGISTRY: "model-registry",
      MLOPS_BUCKET_DATASETS: "datasets",
      MLOPS_TRITON_BACKEND: "onnxruntime",
      MLOPS_LLM_BASE_MODEL: "a/model",
      MLOPS_LLM_BASE_REVISION: "0123",
      MLOPS_LLM_MACHINE: '{"cores":4,"memory_gib":6,"accelerator":null,"accelerators":0}',
      MLOPS_COST_GPU_HOUR: "0.25",
      MLOPS_COST_CPU_HOUR: "0.05",
      MLOPS_COST_MEMORY_GIB_HOUR: "0.005",
    });
  });

  it("has no endpoint on AWS, and no address of what does not run", () => {
    const { AWS_ENDPOINT_URL_S3, MLOPS_BUCKET_DATASETS } = stepEnvironment(cloud);
    expect([AWS_ENDPOINT_URL_S3, MLOPS_BUCKET_DATASETS]).toEqual([undefined, "datasets-x1"]);
    const { MLOPS_VLLM_URLS, MLOPS_GATEWAY_URL } = stepEnvironment({ ...embedded, processes });
    expect([MLOPS_VLLM_URLS, MLOPS_GATEWAY_URL]).toEqual([undefined, processes.gateway]);
  });

  it("says which model adapters are for, and on what it runs", () => {
    const llm = { model: "a/model", accelerator: "l4", replicas: 0 } as const;
    const onGpu = stepEnvironment(cloud, undefined, llm);
    expect(onGpu.MLOPS_LLM_MACHINE).toBe('{"cores":4,"memory_gib":14,"accelerator":"l4","accelerators":1}');
    const beside = stepEnvironment({ ...embedded, processes }, undefined, llm);
    expect([beside.MLOPS_LLM_BASE_MODEL, beside.MLOPS_LLM_BASE_REVISION]).toEqual(["tiny-docs", ""]);
  });
});
