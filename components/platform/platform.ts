import * as pulumi from "@pulumi/pulumi";
import {
  type ChartName,
  type ChartSpec,
  charts,
  installOrder,
  type PlatformChartName,
} from "../../charts.ts";
import type { Config } from "../../config/schema.ts";
import type { ClusterTarget, ClusterTraits, ServiceUrl, Size } from "../target.ts";
import { type ChartSource, HelmAddon } from "./helmAddon.ts";
import { removeAtDestroy } from "./leftovers.ts";
import type { Additions, PlatformOptions, PrepareContext, System } from "./system.ts";
import { systems } from "./systems.ts";

/** A namespace by name. Whoever depends on it waits for its policies, limits and Secrets; on `resource`, not. */
export type PlatformNamespace = pulumi.Resource & { readonly resource: pulumi.Resource };

export interface PlatformArgs {
  readonly target: ClusterTarget;
  readonly size: Size;
  readonly options: PlatformOptions;
  /** Charts as the resolver found them: the selected ones, and no other. */
  readonly sources: ReadonlyMap<ChartName, ChartSource>;
  readonly namespaceOf: (name: string) => PlatformNamespace;
  /** What this kind of cluster adds to the platform's own systems. */
  readonly additions?: Additions;
  /** CRDs that uninstalling the releases leaves behind. */
  readonly leftoverCrds: readonly string[];
}

/** Models that vLLM serves unless configured otherwise: one that a laptop's cores can run, one for an L4. */
const defaultModels = { cpu: "Qwen/Qwen2.5-0.5B-Instruct", l4: "mistralai/Mistral-7B-Instruct-v0.3" };

/** The configured choices, in the platform's words. */
export function platformOptions(config: Config): PlatformOptions {
  const accelerator = config.environment === "aws" ? ("l4" as const) : undefined;
  const llm: PlatformOptions["llm"] = {
    model: config.llm.model ?? defaultModels[accelerator ?? "cpu"],
    ...(config.llm.revision === undefined ? {} : { revision: config.llm.revision }),
    ...(accelerator === undefined ? {} : { accelerator }),
    replicas: accelerator === undefined ? 1 : 0,
  };
  return {
    teams: config.teams.map((team) => team.name),
    // On AWS nothing idles on a GPU: the first promotion scales serving up.
    ...(config.environment === "aws" ? { triton: { accelerator: "t4" as const, replicas: 0 } } : {}),
    ...(config.gitops === undefined ? {} : { gitops: config.gitops }),
    ...(config.llm.enabled ? { llm } : {}),
  };
}

/** Which charts a stack installs. */
export function selectCharts(traits: ClusterTraits, options: PlatformOptions): ChartName[] {
  const wanted = (name: PlatformChartName): boolean => {
    if (name === "fake-gpu-operator") return traits.fakeGpus;
    if (name === "minio") return traits.selfHostsObjectStore;
    if (name === "vllm-stack") return options.llm !== undefined;
    return true;
  };
  return [...(Object.keys(systems) as PlatformChartName[]).filter(wanted), ...traits.ownCharts];
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
  private readonly ready = new Map<ChartName, readonly pulumi.Resource[]>();

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

  /** What to wait for before using a system; nothing for one that this stack does not have. */
  readyOf(chart: ChartName): readonly pulumi.Resource[] {
    return this.ready.get(chart) ?? [];
  }

  private removeLeftovers(args: PlatformArgs): pulumi.Resource {
    const { target, leftoverCrds, sources } = args;
    const objects = [...sources.keys()].flatMap((name) => systemOf(name, args).leftBehind ?? []);
    return removeAtDestroy(
      target,
      { crds: leftoverCrds, objects },
      { parent: this, dependsOn: [...target.dependsOn] },
    );
  }

  private install(args: PlatformArgs): Installed[] {
    const { target, additions } = args;
    const table = withNeeds(additions?.needs ?? {});
    const cleanup = target.deletedWith === undefined ? [this.removeLeftovers(args)] : [];
    return installOrder(table, [...args.sources.keys()]).map((chartName) => {
      const spec = table[chartName];
      const system = systemOf(chartName, args);
      const source = args.sources.get(chartName);
      if (source === undefined) throw new Error(`chart ${chartName} was not resolved`);
      const namespace = args.namespaceOf(spec.namespace);
      const context: PrepareContext = { ...args, parent: this, namespace };
      const prepared = system.prepare?.(context) ?? { resources: [] };
      const needs = spec.needs.flatMap((need) => this.ready.get(need) ?? []);
      const addon = new HelmAddon(
        chartName,
        { target, name: chartName, spec, source, values: system.values(context), namespace: spec.namespace },
        {
          parent: this,
          dependsOn: spec.crdsOnly
            ? [namespace.resource]
            : [namespace, ...prepared.resources, ...needs, ...cleanup],
        },
      );
      this.ready.set(chartName, [addon, ...(system.after?.(context, addon) ?? [])]);
      return {
        name: chartName,
        system,
        source,
        ...(prepared.credentials ? { credentials: prepared.credentials } : {}),
      };
    });
  }
}

/** The chart table, in which charts need what this kind of cluster makes them need, too. */
function withNeeds(more: Additions["needs"]): Readonly<Record<ChartName, ChartSpec>> {
  const table: Record<ChartName, ChartSpec> = { ...charts };
  for (const name of Object.keys(more) as ChartName[]) {
    table[name] = { ...charts[name], needs: [...charts[name].needs, ...(more[name] ?? [])] };
  }
  return table;
}

function systemOf(name: ChartName, { additions }: Pick<PlatformArgs, "additions">): System {
  const all: readonly System[] = [...Object.values(systems), ...(additions?.systems ?? [])];
  const system = all.find(({ chart }) => chart === name);
  if (system === undefined) throw new Error(`chart ${name} has no system`);
  return system;
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
