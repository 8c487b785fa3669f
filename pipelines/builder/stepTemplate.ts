import { platformConfigMap, rerunAnnotation } from "@mlops/runner/contract";
import type { Accelerator, AcceleratorClass } from "../../components/target.ts";
import { deploymentStepLabels, serviceAccounts } from "../../components/tenancy/names.ts";
import { parseQuantity } from "../../policy/rules/quantity.ts";
import type { Container, Template, Volume } from "../argo/types.ts";
import { type ImageName, stepImages } from "../images.ts";
import type { AddedStep } from "./flow.ts";

/** What the compiler must know of the place that a pipeline is deployed to. */
export interface CompileEnvironment {
  readonly namespace: string;
  /** Whole reference of each image, pinned. */
  readonly images: Readonly<Record<ImageName, string>>;
  /** Secret with the object store's keys; absent where the service account brings an identity. */
  readonly objectStoreSecret?: string;
  readonly accelerators: Readonly<Record<AcceleratorClass, Accelerator>>;
  /** GPUs that the namespace may hold at a time; a step that asks for more runs on the CPU. */
  readonly gpus: number;
}

/** Where a step finds its artifacts and leaves its outputs, under the I/O root. */
export const ioFolders = { in: "/mlops/in", out: "/mlops/out" } as const;

/** Runs as nobody in particular, and may write to its own folders only. */
const containerSecurity: NonNullable<Container["securityContext"]> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};

const scratch = { name: "scratch", mountPath: "/tmp" } as const;
const folders = [
  { name: "in", mountPath: ioFolders.in },
  { name: "out", mountPath: ioFolders.out },
] as const;

/** A template that runs one step as a pod. */
export function stepTemplate(step: AddedStep, environment: CompileEnvironment): Template {
  const { name, options } = step;
  const outputs = options.outputs ?? [];
  const artifacts = options.artifacts ?? [];
  const inputs = inputsOf(step);
  const gpu = acceleratorOf(step, environment);
  const role = options.role ?? "training";
  return {
    name,
    ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
    ...(outputs.length + artifacts.length === 0
      ? {}
      : {
          outputs: {
            ...(outputs.length === 0
              ? {}
              : {
                  parameters: outputs.map((output) => ({
                    name: output,
                    valueFrom: { path: outPath(output) },
                  })),
                }),
            ...(artifacts.length === 0
              ? {}
              : { artifacts: artifacts.map((artifact) => ({ name: artifact, path: outPath(artifact) })) }),
          },
        }),
    ...metadataOf(step),
    serviceAccountName: serviceAccounts[role],
    activeDeadlineSeconds: String(options.deadline),
    ...(options.retries === undefined
      ? {}
      : {
          retryStrategy: {
            limit: String(options.retries.limit),
            // Other exit codes mean bad input or a gate's no: trying again would change nothing.
            expression: "lastRetry.exitCode == '1'",
            backoff: { duration: `${options.retries.backoffSeconds}s`, factor: "2" },
          },
        }),
    ...(gpu === undefined
      ? {}
      : { nodeSelector: { ...gpu.nodeSelector }, tolerations: gpu.tolerations.map((one) => ({ ...one })) }),
    volumes: [scratch, ...folders].map(({ name: volume }): Volume => ({ name: volume, emptyDir: {} })),
    container: container(step, environment, gpu),
  };
}

function metadataOf({ options }: AddedStep): Pick<Template, "metadata"> {
  const metadata = {
    ...(options.role === "deployment" ? { labels: { ...deploymentStepLabels } } : {}),
    ...(options.rerun === true ? { annotations: { [rerunAnnotation]: "true" } } : {}),
  };
  return Object.keys(metadata).length === 0 ? {} : { metadata };
}

function outPath(output: string): string {
  return `${ioFolders.out}/${output}`;
}

function inputsOf({ options }: AddedStep): NonNullable<Template["inputs"]> {
  const parameters = Object.keys(options.parameters ?? {});
  const artifacts = Object.keys(options.inputs ?? {});
  return {
    ...(parameters.length === 0 ? {} : { parameters: parameters.map((name) => ({ name })) }),
    ...(artifacts.length === 0
      ? {}
      : { artifacts: artifacts.map((name) => ({ name, path: `${ioFolders.in}/${name}` })) }),
  };
}

/** The class that the step asks for, where there is enough of it. */
function acceleratorOf({ options }: AddedStep, environment: CompileEnvironment): Accelerator | undefined {
  if (options.accelerator === undefined) return undefined;
  const accelerator = environment.accelerators[options.accelerator.class];
  const available = Math.min(accelerator.capacity, environment.gpus);
  return available >= options.accelerator.count ? accelerator : undefined;
}

function container(
  step: AddedStep,
  environment: CompileEnvironment,
  gpu: Accelerator | undefined,
): Container {
  const { options } = step;
  const amounts = { cpu: options.resources.cpu, memory: options.resources.memory };
  const gpus = gpu === undefined ? {} : { [gpu.resourceName]: String(options.accelerator?.count) };
  return {
    image: environment.images[options.image],
    command: [...stepImages[options.image].command(options.runs)],
    args: argumentsOf(step),
    envFrom: [
      { configMapRef: { name: platformConfigMap } },
      ...(environment.objectStoreSecret === undefined
        ? []
        : [{ secretRef: { name: environment.objectStoreSecret } }]),
      ...(options.optionalSecrets ?? []).map((name) => ({ secretRef: { name, optional: true } })),
    ],
    env: [
      // The root file system is read-only, and libraries keep caches in the home folder.
      { name: "HOME", value: scratch.mountPath },
      { name: "MLOPS_WORKFLOW", value: "{{workflow.name}}" },
      { name: "MLOPS_STEP", value: step.name },
      // What the cost of a run is reckoned from: reserved, whether it is used or not.
      { name: "MLOPS_CPU_CORES", value: String(parseQuantity(amounts.cpu)) },
      { name: "MLOPS_MEMORY_GIB", value: String((parseQuantity(amounts.memory) ?? 0) / 2 ** 30) },
    ],
    resources: { requests: amounts, limits: { ...amounts, ...gpus } },
    securityContext: containerSecurity,
    volumeMounts: [scratch, ...folders].map((mount) => ({ ...mount })),
  };
}

function argumentsOf({ options }: AddedStep): string[] {
  return [
    ...Object.keys(options.parameters ?? {}).flatMap((name) => [
      `--${name}`,
      `{{inputs.parameters.${name}}}`,
    ]),
    ...Object.keys(options.inputs ?? {}).flatMap((name) => [`--${name}`, `${ioFolders.in}/${name}`]),
    ...[...(options.outputs ?? []), ...(options.artifacts ?? [])].flatMap((name) => [
      `--output-${name}`,
      outPath(name),
    ]),
  ];
}
