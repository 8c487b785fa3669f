import * as pulumi from "@pulumi/pulumi";
import { type ChartName, charts, installOrder } from "../../charts.ts";
import type { ClusterTarget, ServiceUrl, Size } from "../target.ts";
import { removeCrdsAtDestroy } from "./crds.ts";
import { type ChartSource, HelmAddon } from "./helmAddon.ts";
import type { PlatformOptions, PrepareContext, System } from "./system.ts";
import { systems } from "./systems.ts";

export interface PlatformArgs {
  readonly target: ClusterTarget;
  readonly size: Size;
  readonly options: PlatformOptions;
  /** Charts as the resolver found them: the selected ones, and no other. */
  readonly sources: ReadonlyMap<ChartName, ChartSource>;
  /** Namespaces by name. */
  readonly namespace: (name: string) => pulumi.Resource;
  /** CRDs that uninstalling the releases leaves behind. */
  readonly leftoverCrds: readonly string[];
}

/** Which charts a stack installs. */
export function selectCharts(
  facts: { readonly fakeGpus: boolean; readonly selfHosted: boolean },
  options: PlatformOptions,
): ChartName[] {
  const wanted = (name: ChartName): boolean => {
    if (name === "fake-gpu-operator") return facts.fakeGpus;
    if (name === "minio") return facts.selfHosted;
    if (name === "vllm-stack") return options.llm !== undefined;
    return true;
  };
  return (Object.keys(charts) as ChartName[]).filter(wanted);
}

/** Every system of the platform, each after the ones it needs. */
export class Platform extends pulumi.ComponentResource {
  /** How to reach each dashboard and API that answers. */
  readonly urls: Readonly<Record<string, ServiceUrl>>;
  /** Names of the systems whose pods do not run on this cluster. */
  readonly simulated: readonly string[];
  readonly credentials: pulumi.Output<Record<string, Record<string, string>>>;
  /** In-cluster addresses, by name. */
  readonly endpoints: Readonly<Record<string, string>>;

  constructor(name: string, args: PlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:platform:Platform", name, {}, opts);
    const installed = this.install(args);
    this.urls = urlsOf(args.target, installed);
    this.simulated = simulatedOf(args, installed);
    this.endpoints = Object.assign({}, ...installed.map(({ system }) => system.endpoints ?? {}));
    this.credentials = pulumi.secret(
      pulumi.output(
        Object.fromEntries(installed.flatMap((i) => (i.credentials ? [[i.name, i.credentials]] : []))),
      ),
    );
    this.registerOutputs({ endpoints: this.endpoints });
  }

  private install(args: PlatformArgs): Installed[] {
    const { target } = args;
    const cleanup =
      target.deletedWith === undefined
        ? [removeCrdsAtDestroy(target, args.leftoverCrds, { parent: this, dependsOn: [...target.dependsOn] })]
        : [];
    const addons = new Map<ChartName, HelmAddon>();
    return installOrder(charts, [...args.sources.keys()]).map((chartName) => {
      const spec = charts[chartName];
      const system: System = systems[chartName];
      const source = args.sources.get(chartName);
      if (source === undefined) throw new Error(`chart ${chartName} was not resolved`);
      const namespace = args.namespace(spec.namespace);
      const context: PrepareContext = { ...args, parent: this, namespace };
      const prepared = system.prepare?.(context) ?? { resources: [] };
      const needs = spec.needs.flatMap((need) => addons.get(need) ?? []);
      const addon = new HelmAddon(
        chartName,
        { target, name: chartName, spec, source, values: system.values(context), namespace: spec.namespace },
        { parent: this, dependsOn: [namespace, ...prepared.resources, ...needs, ...cleanup] },
      );
      addons.set(chartName, addon);
      system.after?.(context, addon);
      return {
        name: chartName,
        system,
        source,
        ...(prepared.credentials ? { credentials: prepared.credentials } : {}),
      };
    });
  }
}

interface Installed {
  readonly name: ChartName;
  readonly system: System;
  readonly source: ChartSource;
  readonly credentials?: Readonly<Record<string, pulumi.Input<string>>>;
}

function urlsOf(target: ClusterTarget, installed: readonly Installed[]): Record<string, ServiceUrl> {
  const entries = installed
    .flatMap(({ system }) => system.services ?? [])
    .flatMap((service) => {
      const url = target.url(service);
      return url === undefined ? [] : [[service.name, url] as const];
    });
  return Object.fromEntries(entries);
}

function simulatedOf(args: PlatformArgs, installed: readonly Installed[]): string[] {
  if (args.target.runsPods) return [];
  return installed.map(({ name, source }) =>
    source.kind === "outline" ? `${name} (placeholder of ${charts[name].version})` : name,
  );
}
