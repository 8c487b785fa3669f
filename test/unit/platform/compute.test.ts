import { describe, expect, it } from "vitest";
import { cloud, embedded, gpuOptions, k3d, options, valuesOf } from "./contexts.ts";

describe("argo-workflows", () => {
  const values = valuesOf("argo-workflows");

  it("pins a version without the hang of 4.0.6 and downloads no CRDs", () => {
    expect(values.images.tag).toBe("v4.0.8");
    expect(values.crds).toEqual({ full: false, keep: false });
  });

  it("asks everyone for a token of their own", () => {
    expect(values.server.authModes).toEqual(["client"]);
  });

  it("gives steps no token and Argo's containers the executor's", () => {
    expect(values.controller.workflowDefaults.spec).toMatchObject({
      serviceAccountName: "training",
      automountServiceAccountToken: false,
      executor: { serviceAccountName: "workflow-executor" },
      activeDeadlineSeconds: 86_400,
      ttlStrategy: { secondsAfterSuccess: 86_400, secondsAfterFailure: 604_800 },
      podGC: { strategy: "OnPodSuccess" },
    });
    expect(values.workflow).toEqual({ serviceAccount: { create: false }, rbac: { create: false } });
  });

  it("keeps artifacts in the self-hosted store, by Secret", () => {
    expect(values.artifactRepository.s3).toMatchObject({
      bucket: "mlflow-artifacts",
      endpoint: "minio.minio.svc.cluster.local:9000",
      insecure: true,
      accessKeySecret: { name: "object-store", key: "AWS_ACCESS_KEY_ID" },
      secretKeySecret: { name: "object-store", key: "AWS_SECRET_ACCESS_KEY" },
    });
  });

  it("keeps them in S3 by the pod's own role elsewhere", () => {
    const { s3 } = valuesOf("argo-workflows", { target: cloud }).artifactRepository;
    expect(s3).toMatchObject({ useSDKCreds: true, insecure: false, region: "eu-central-1" });
    expect(s3).not.toHaveProperty("endpoint");
    expect(s3).not.toHaveProperty("accessKeySecret");
  });

  it("has no database, and a second controller in production only", () => {
    expect(values.controller.persistence).toEqual({});
    expect(values.controller.replicas).toBe(1);
    expect(valuesOf("argo-workflows", { size: "production" }).controller).toMatchObject({
      replicas: 2,
      pdb: { enabled: true, maxUnavailable: 1 },
    });
  });
});

describe("kuberay", () => {
  it("watches the platform's and the teams' namespaces only", () => {
    expect(valuesOf("kuberay-operator").watchNamespace).toEqual(["ray", "pipelines", "team-a", "team-b"]);
  });

  it("lets the head schedule and the workers work", () => {
    const values = valuesOf("ray-cluster");
    expect(values.head).toMatchObject({
      enableInTreeAutoscaling: true,
      rayVersion: values.image.tag,
      rayStartParams: { "num-cpus": "0" },
    });
    expect(values.worker).toMatchObject({ replicas: 1, minReplicas: 1, maxReplicas: 2 });
  });

  it("starts without workers in production and grows on demand", () => {
    const { worker } = valuesOf("ray-cluster", { size: "production" });
    expect(worker).toMatchObject({ replicas: 0, minReplicas: 0, maxReplicas: 10 });
  });

  it.each(["head", "worker"])("runs the %s as a numbered user without privileges", (group) => {
    const pod = valuesOf("ray-cluster")[group];
    expect(pod.podSecurityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(pod.securityContext).toMatchObject({ allowPrivilegeEscalation: false });
  });

  it("takes keys from a Secret only where there are some", () => {
    expect(valuesOf("ray-cluster").worker.envFrom).toEqual([{ secretRef: { name: "object-store" } }]);
    expect(valuesOf("ray-cluster", { target: cloud }).worker).not.toHaveProperty("envFrom");
  });
});

describe("triton", () => {
  it("runs one CPU server on the self-hosted store by default", () => {
    const values = valuesOf("triton");
    expect(values).toMatchObject({
      replicas: 1,
      modelRepository: {
        bucket: "model-registry",
        endpoint: "http://minio.minio.svc.cluster.local:9000",
        existingSecret: "object-store",
      },
    });
    expect(values).not.toHaveProperty("gpus");
    expect(values).not.toHaveProperty("nodeSelector");
  });

  it("asks for one T4 and starts at none where GPU nodes scale from zero", () => {
    const values = valuesOf("triton", { target: cloud, options: gpuOptions });
    expect(values).toMatchObject({
      replicas: 0,
      gpus: 1,
      nodeSelector: cloud.accelerators.t4.nodeSelector,
      tolerations: cloud.accelerators.t4.tolerations,
      strategy: { maxSurge: 0, maxUnavailable: 1 },
    });
    expect(values.modelRepository).not.toHaveProperty("endpoint");
    expect(values.modelRepository).not.toHaveProperty("existingSecret");
    expect(values.serviceAccount.annotations).toEqual({ role: "serving/triton" });
  });

  it("refuses an endpoint that Triton could not read", () => {
    const objectStore = { ...k3d.objectStore, endpoint: "minio:9000" };
    expect(() => valuesOf("triton", { target: { ...k3d, objectStore } })).toThrow("minio:9000");
  });
});

describe("vllm-stack", () => {
  it("serves on CPU without a runtime class or GPU", () => {
    const { servingEngineSpec, routerSpec } = valuesOf("vllm-stack");
    const [model] = servingEngineSpec.modelSpec;
    expect(servingEngineSpec.runtimeClassName).toBe("");
    expect(model).toMatchObject({
      repository: "vllm/vllm-openai-cpu",
      tag: "v0.28.0",
      requestGPU: 0,
      runtimeClassName: "",
      replicaCount: 1,
    });
    expect(JSON.stringify(model.resources)).not.toContain("gpu");
    expect(routerSpec.tag).toBe("v0.1.12");
  });

  it("asks for one L4 and the hub's token by Secret", () => {
    const [model] = valuesOf("vllm-stack", { target: cloud, options: gpuOptions }).servingEngineSpec
      .modelSpec;
    expect(model).toMatchObject({
      repository: "vllm/vllm-openai",
      requestGPU: 1,
      replicaCount: 0,
      hf_token: { secretName: "hub", secretKey: "token" },
      tolerations: cloud.accelerators.l4.tolerations,
    });
    expect(model.resources.limits["nvidia.com/gpu"]).toBe("1");
    expect(model.nodeSelectorTerms).toEqual([
      { matchExpressions: [{ key: "mlops.dev/accelerator", operator: "In", values: ["l4"] }] },
    ]);
  });

  it("loads four adapters at run time, without the chart's sidecar", () => {
    const [model] = valuesOf("vllm-stack").servingEngineSpec.modelSpec;
    expect(model.vllmConfig.maxLoras).toBe(4);
    expect(model.vllmConfig.extraArgs).toContain("--enable-lora");
    expect(model).not.toHaveProperty("enableLoRA");
    expect(model.env).toContainEqual({ name: "VLLM_ALLOW_RUNTIME_LORA_UPDATING", value: "True" });
  });

  it("shares no volume between replicas", () => {
    const cacheOf = (replicas: number): unknown => {
      const llm = { model: "a/b", replicas };
      return valuesOf("vllm-stack", { options: { ...options, llm } }).servingEngineSpec.modelSpec[0]
        .extraVolumes[0];
    };
    // A volume would tie a server that comes and goes to one zone.
    expect(cacheOf(0)).toHaveProperty("emptyDir");
    expect(cacheOf(1)).toHaveProperty("persistentVolumeClaim.claimName", "vllm-model-cache");
    expect(cacheOf(2)).toHaveProperty("emptyDir");
  });

  it("is an error when no model is named", () => {
    expect(() => valuesOf("vllm-stack", { options: { teams: [] } })).toThrow("options.llm");
  });
});

describe("fake-gpu-operator", () => {
  it("makes a pool for each class that the target has, and no other", () => {
    expect(valuesOf("fake-gpu-operator").topology.nodePools).toEqual({
      default: null,
      l4: { gpuProduct: "NVIDIA-L4", gpuMemory: 23034, gpuCount: 1 },
      t4: { gpuProduct: "Tesla-T4", gpuMemory: 15360, gpuCount: 1 },
    });
    const accelerators = { ...embedded.accelerators, l4: { ...embedded.accelerators.l4, capacity: 0 } };
    const pools = valuesOf("fake-gpu-operator", { target: { ...embedded, accelerators } }).topology.nodePools;
    expect(Object.keys(pools)).toEqual(["default", "t4"]);
  });

  it("leaves k3s' own RuntimeClass alone", () => {
    expect(valuesOf("fake-gpu-operator").runtimeClass).toEqual({ enabled: false });
  });
});
