import { platformConfigMap, runsPodsAnnotation } from "@mlops/runner/contract";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformOptions } from "../components/platform/system.ts";
import { type ClusterTarget, gpuCapacity } from "../components/target.ts";
import { pipelinesNamespace } from "../components/tenancy/names.ts";
import { deploymentWorkload, identityOf } from "../components/tenancy/workloads.ts";
import { type CompiledPipeline, compile, type Pipeline } from "./builder/index.ts";
import { defaultRates, type Rates, stepEnvironment } from "./environment.ts";
import { type ImageName, imageNames } from "./images.ts";

export interface PipelinesArgs {
  readonly target: ClusterTarget;
  /** The namespace `pipelines`, to be waited for. */
  readonly namespace: pulumi.Resource;
  /** What Argo's CRDs come with, to be waited for. */
  readonly workflows: readonly pulumi.Resource[];
  readonly pipelines: readonly Pipeline[];
  /** Tag, with or without digest, of each image in the target's registry. */
  readonly imageTags: Readonly<Record<ImageName, string>>;
  /** What a step's cost is reckoned with. @default defaultRates */
  readonly rates?: Rates;
  /** What vLLM serves; without it the pipelines of language models have no base model. */
  readonly llm?: PlatformOptions["llm"];
  /** Versions of a served model whose files stay, besides those that its record names. @default the step's own, 5 */
  readonly keptVersions?: number;
}

/** Our chart in charts/pipelines; `timeout` in seconds. */
export const pipelinesChart = { name: "pipelines", version: "0.1.0", timeout: 120 } as const;

/** In lines, so that a preview shows the one that changed. */
const manifest = (object: object): string => JSON.stringify(object, undefined, 1);

/** The platform's pipelines as Argo runs them, and the environment of their steps. */
export class Pipelines extends pulumi.ComponentResource {
  /** Names of the pipelines. */
  readonly names: readonly string[];

  constructor(name: string, args: PipelinesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:pipelines:Pipelines", name, {}, opts);
    this.createEnvironment(args);
    this.install(args);
    this.names = args.pipelines.map((pipeline) => pipeline.name);
    this.registerOutputs({ names: this.names });
  }

  private createEnvironment({ target, namespace, rates, llm, keptVersions }: PipelinesArgs): void {
    new k8s.core.v1.ConfigMap(
      "pipelines-platform",
      {
        metadata: {
          name: platformConfigMap,
          namespace: pipelinesNamespace,
          annotations: { [runsPodsAnnotation]: String(target.runsPods) },
        },
        data: stepEnvironment(target, rates ?? defaultRates, llm, keptVersions),
      },
      this.inside(target, [namespace]),
    );
  }

  /**
   * As text in one release (docs/adr/0012): as resources of their own, these few but large objects cost a preview as
   * much time as all other objects of the platform together.
   */
  private install(args: PipelinesArgs): void {
    const { name, version, timeout } = pipelinesChart;
    const manifests = args.pipelines.flatMap((pipeline) => {
      const template = this.compile(pipeline, args).apply((compiled) => manifest(compiled.template));
      // Images do not change when it runs, so that need not wait for them.
      const cron = pipeline.schedule && compile(pipeline, environmentOf(args, "")).cron;
      return cron === undefined ? [template] : [template, manifest(cron)];
    });
    new k8s.helm.v3.Release(
      "pipelines-release",
      {
        name,
        chart: `./charts/${name}`,
        version,
        namespace: pipelinesNamespace,
        timeout,
        atomic: true,
        values: { manifests },
      },
      this.inside(args.target, [args.namespace, ...args.workflows]),
    );
  }

  /** Only the registry may be known late. */
  private compile(pipeline: Pipeline, args: PipelinesArgs): pulumi.Output<CompiledPipeline> {
    return pulumi
      .output(args.target.imageRegistry)
      .apply((registry) => compile(pipeline, environmentOf(args, `${registry}/`)));
  }

  private inside(target: ClusterTarget, dependsOn: readonly pulumi.Resource[]): pulumi.CustomResourceOptions {
    return {
      parent: this,
      provider: target.provider,
      dependsOn: [...dependsOn],
      ...(target.deletedWith === undefined ? {} : { deletedWith: target.deletedWith }),
    };
  }
}

function environmentOf(
  { target, imageTags }: PipelinesArgs,
  imagePrefix: string,
): Parameters<typeof compile>[1] {
  const { secretName } = identityOf(target, deploymentWorkload);
  const images = imageNames.map((name) => [name, `${imagePrefix}${name}:${imageTags[name]}`]);
  return {
    namespace: pipelinesNamespace,
    images: Object.fromEntries(images) as Record<ImageName, string>,
    ...(secretName === undefined ? {} : { objectStoreSecret: secretName }),
    accelerators: target.accelerators,
    gpus: gpusOf(target),
  };
}

/** GPUs that compute: a step that waited for a simulated one would be no faster. */
function gpusOf(target: ClusterTarget): number {
  return target.runsPods && !target.fakeGpus ? gpuCapacity(target) : 0;
}
