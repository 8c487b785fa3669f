import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { charts } from "../../charts.ts";
import type { Size } from "../target.ts";
import { engineLabels, gatewayPorts, vllmAdminSecret } from "../tenancy/names.ts";
import { identityOf, vllmWorkload } from "../tenancy/workloads.ts";
import { generatedPassword, objectOptions, opaqueSecret } from "./secret.ts";
import type { PlatformOptions, System, ValuesContext } from "./system.ts";
import {
  gpuPodLabels,
  objectStoreEnvironment,
  resources,
  restrictedContainer,
  restrictedPod,
} from "./values.ts";
import { cpuEngine, type Engine, gpuEngine } from "./vllmEngine.ts";
import { vllmGuard, vllmGuardSource } from "./vllmGuard.ts";

const { namespace } = charts["vllm-stack"];

/** First release line checked to refresh LoRA routing when a slot is reassigned (vLLM #47725). */
const vllmVersion = "v0.28.0";
const claim = "vllm-model-cache";
const minute = 60;

type Llm = NonNullable<PlatformOptions["llm"]>;

/**
 * Weights on a volume of their own. Several replicas cannot share one, so each has scratch; so has one that
 * comes and goes, because a volume would bind it to the zone of its first node and cost while it is away.
 */
function keepsVolume(llm: Llm): boolean {
  return llm.replicas === 1;
}

/** Where the engine and its sidecar have the adapters. */
const adapterDir = "/adapters";
const adapterVolume = { name: "adapters", mountPath: adapterDir };
/** Four versions of 512 MiB, and those that are about to go. */
const adapterSpace = "4Gi";
/** Where the engine finds its middleware. */
const guardDir = "/mlops";
const guardConfig = "vllm-guard";

function volumes(llm: Llm, engine: Engine): object {
  return {
    extraVolumes: [
      keepsVolume(llm)
        ? { name: "cache", persistentVolumeClaim: { claimName: claim } }
        : { name: "cache", emptyDir: { sizeLimit: engine.disk } },
      { name: "adapters", emptyDir: { sizeLimit: adapterSpace } },
      { name: "guard", configMap: { name: guardConfig } },
    ],
    extraVolumeMounts: [
      { name: "cache", mountPath: "/data" },
      { ...adapterVolume, readOnly: true },
      { name: "guard", mountPath: guardDir, readOnly: true },
    ],
  };
}

/** Plain where the registry is: values are also rendered without an engine. */
function servingImage(registry: pulumi.Input<string>, tag: string): pulumi.Input<string> {
  return typeof registry === "string"
    ? `${registry}/serving:${tag}`
    : pulumi.interpolate`${registry}/serving:${tag}`;
}

/** A file is held in memory on its way from the object store. */
const adaptersResources = resources({ cpu: "50m", memory: "128Mi" }, { cpu: "1", memory: "1Gi" });

/**
 * What downloads adapters beside the engine. The chart has no place for a sidecar, but for an init container, and one
 * that is always restarted is a sidecar. Its template writes the name as it is, so that the name's second line is a
 * field of the container; the render test sees what becomes of it.
 */
function adaptersSidecar(context: ValuesContext): object {
  const { target, options } = context;
  if (options.servingTag === undefined) return {};
  const { endpoint, region, buckets } = target.objectStore;
  return {
    initContainer: {
      name: `adapters\n${" ".repeat(10)}restartPolicy: Always`,
      image: servingImage(target.imageRegistry, options.servingTag),
      command: ["node", "/app/apps/gateway/main.ts", "adapters"],
      env: [
        { name: "AWS_REGION", value: region },
        ...(endpoint === undefined ? [] : [{ name: "AWS_ENDPOINT_URL_S3", value: endpoint }]),
        { name: "MLOPS_BUCKET_MODEL_REGISTRY", value: buckets.modelRegistry },
        { name: "MLOPS_VLLM_URLS", value: "http://127.0.0.1:8000" },
        { name: "MLOPS_VLLM_ADAPTER_DIR", value: adapterDir },
        { name: "MLOPS_ADAPTERS_PORT", value: String(gatewayPorts.adapters) },
      ],
      resources: adaptersResources,
      extraVolumeMounts: [adapterVolume],
    },
  };
}

function engineOf(context: ValuesContext, llm: Llm): Engine {
  return llm.accelerator === undefined ? cpuEngine : gpuEngine(context.target.accelerators[llm.accelerator]);
}

function revisionOf({ revision }: Llm): string {
  return revision ?? "main";
}

/** The base is served under its exact name, by which adapters of another base are refused. */
function servedAs(llm: Llm): string[] {
  return ["--served-model-name", `${llm.model}@${revisionOf(llm)}`, "--middleware", vllmGuard.middleware];
}

function modelSpec(context: ValuesContext, llm: Llm): Record<string, unknown> {
  const { target } = context;
  const accelerator = llm.accelerator === undefined ? undefined : target.accelerators[llm.accelerator];
  const engine = engineOf(context, llm);
  const { secretName } = identityOf(target, vllmWorkload);
  return {
    name: "llm",
    repository: engine.repository,
    tag: vllmVersion,
    modelURL: llm.model,
    replicaCount: llm.replicas,
    requestGPU: accelerator === undefined ? 0 : 1,
    runtimeClassName: "",
    serviceAccountName: vllmWorkload.serviceAccount,
    resources: engine.resources,
    shmSize: "1Gi",
    // Not `enableLoRA`: with the chart's volume it adds a sidecar of a floating tag that downloads
    // adapters on its own. The engine gets the flag instead.
    vllmConfig: { ...engine.vllmConfig, extraArgs: [...engine.extraArgs, ...servedAs(llm)] },
    modelRevision: revisionOf(llm),
    ...volumes(llm, engine),
    ...adaptersSidecar(context),
    env: [
      { name: "PYTHONPATH", value: guardDir },
      {
        name: vllmAdminSecret.key,
        valueFrom: { secretKeyRef: { name: vllmAdminSecret.name, key: vllmAdminSecret.key } },
      },
      { name: "VLLM_ALLOW_RUNTIME_LORA_UPDATING", value: "True" },
      // The user that the pod runs as has neither a name nor a home in the image.
      { name: "HOME", value: "/tmp" },
      { name: "USER", value: "vllm" },
      { name: "HF_HUB_CACHE", value: "/data/hub" },
      { name: "VLLM_CACHE_ROOT", value: "/data/vllm" },
      { name: "TORCHINDUCTOR_CACHE_DIR", value: "/tmp/torchinductor" },
      ...engine.environment,
      ...objectStoreEnvironment(target.objectStore),
    ],
    ...(secretName === undefined ? {} : { envFromSecret: { name: secretName } }),
    ...(llm.tokenSecret === undefined
      ? {}
      : { hf_token: { secretName: llm.tokenSecret, secretKey: "token" } }),
    ...(accelerator === undefined
      ? {}
      : {
          tolerations: accelerator.tolerations,
          nodeSelectorTerms: [
            {
              matchExpressions: Object.entries(accelerator.nodeSelector).map(([key, value]) => ({
                key,
                operator: "In",
                values: [value],
              })),
            },
          ],
        }),
  };
}

const routers = {
  small: resources({ cpu: "100m", memory: "512Mi" }, { cpu: "1", memory: "1Gi" }),
  production: resources({ cpu: "400m", memory: "1Gi" }, { cpu: "1", memory: "2Gi" }),
} as const satisfies Record<Size, unknown>;

function values(context: ValuesContext): Record<string, unknown> {
  const { llm } = context.options;
  if (llm === undefined) throw new Error("vllm-stack is selected but options.llm names no model");
  const { startMinutes } = engineOf(context, llm);
  const user = { ...restrictedPod, runAsUser: 2000, runAsGroup: 2000, fsGroup: 2000 };
  return {
    servingEngineSpec: {
      runtimeClassName: "",
      imagePullPolicy: "IfNotPresent",
      labels: { ...engineLabels, ...(llm.accelerator === undefined ? {} : gpuPodLabels("serving")) },
      modelSpec: [modelSpec(context, llm)],
      securityContext: user,
      containerSecurityContext: { runAsNonRoot: true, ...restrictedContainer },
      // One volume and, on GPUs, one device: the old replica goes before the new one comes.
      strategy:
        llm.replicas > 1
          ? { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }
          : { type: "Recreate" },
      startupProbe: {
        initialDelaySeconds: 15,
        periodSeconds: 10,
        failureThreshold: (startMinutes * minute) / 10,
        httpGet: { path: "/health", port: 8000 },
      },
      serviceMonitor: { enabled: true },
    },
    routerSpec: {
      tag: "v0.1.12",
      imagePullPolicy: "IfNotPresent",
      resources: routers[context.size],
      securityContext: user,
      containerSecurityContext: { runAsNonRoot: true, ...restrictedContainer },
      env: [{ name: "HOME", value: "/tmp" }],
      startupProbe: {
        initialDelaySeconds: 5,
        periodSeconds: 5,
        failureThreshold: 24,
        httpGet: { path: "/health", port: "router-port" },
      },
      serviceMonitor: { enabled: true },
    },
  };
}

/**
 * vLLM behind the production stack's router, with adapters loaded at run time.
 *
 * Sizes, approximate: CPU image 2 GB to pull, Qwen2.5-0.5B-Instruct 1 GB of weights, 10 GiB volume;
 * GPU image 9 GB to pull, Mistral-7B-Instruct 14.5 GB of weights, 40 GiB volume, one L4.
 *
 * @throws Error when the stack selects it without `options.llm`.
 */
export const vllm: System = {
  chart: "vllm-stack",
  values,
  prepare: (context) => {
    const { target, options } = context;
    const serviceAccount = new k8s.core.v1.ServiceAccount(
      "vllm",
      {
        metadata: {
          name: vllmWorkload.serviceAccount,
          namespace,
          annotations: identityOf(target, vllmWorkload).annotations,
        },
        automountServiceAccountToken: false,
      },
      objectOptions(context),
    );
    const guard = new k8s.core.v1.ConfigMap(
      "vllm-guard",
      { metadata: { name: guardConfig, namespace }, data: { [vllmGuard.file]: vllmGuardSource } },
      objectOptions(context),
    );
    const admin = opaqueSecret("vllm-admin", context, {
      namespace,
      secretName: vllmAdminSecret.name,
      stringData: { [vllmAdminSecret.key]: generatedPassword("vllm-admin-token", context.parent).result },
    });
    const always = [serviceAccount, guard, admin];
    if (options.llm === undefined || !keepsVolume(options.llm)) return { resources: always };
    // Not the chart's own: Helm waits until a release's volumes are bound, and with 0 replicas none is.
    const volume = new k8s.core.v1.PersistentVolumeClaim(
      "vllm-model-cache",
      {
        metadata: { name: claim, namespace, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: engineOf(context, options.llm).disk } },
          ...(target.storageClass === undefined ? {} : { storageClassName: target.storageClass }),
        },
      },
      objectOptions(context),
    );
    return { resources: [...always, volume] };
  },
  endpoints: { vllm: `http://vllm-stack-router-service.${namespace}.svc.cluster.local/v1` },
};
