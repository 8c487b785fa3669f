import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ChartName, ChartSpec } from "../../charts.ts";
import type { ClusterTarget, Values } from "../target.ts";

/** Where a release's chart comes from, as the chart resolver found it. */
export interface ChartSource {
  /** What Helm takes as chart: a project-relative path, a bare name, or an `oci://` reference. */
  readonly chart: string;
  readonly version: string;
  /** Repository address, for a bare name only. */
  readonly repository?: string;
  /** `outline`: a placeholder rendered from what was recorded of the real chart. */
  readonly kind: "real" | "own" | "outline";
}

export interface HelmAddonArgs {
  readonly target: ClusterTarget;
  readonly name: ChartName;
  readonly spec: ChartSpec;
  readonly source: ChartSource;
  /** Values for the real chart; the target's overlay is merged over them. */
  readonly values: Values;
  readonly namespace: pulumi.Input<string>;
}

/** Merges Helm values: maps by key, everything else (lists and Inputs too) replaced by `over`. */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const existing = merged[key];
    merged[key] = isPlainMap(existing) && isPlainMap(value) ? mergeValues(existing, value) : value;
  }
  return merged;
}

function isPlainMap(value: unknown): value is Values {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !pulumi.Output.isInstance(value) &&
    !(value instanceof Promise)
  );
}

/**
 * One third-party chart as a Helm release: the only way in which this program installs one.
 *
 * It waits until everything in the release is ready (`skipAwait` on an operator would let others
 * start against CRDs or webhooks that nobody serves yet), and a failed install is taken back, so
 * that the next `up` starts clean.
 */
export class HelmAddon extends pulumi.ComponentResource {
  readonly release: k8s.helm.v3.Release;

  /** What `opts` depends on, the release waits for: nothing else here takes any time. */
  constructor(
    name: string,
    args: HelmAddonArgs,
    { dependsOn, ...opts }: pulumi.ComponentResourceOptions = {},
  ) {
    super("mlops:platform:HelmAddon", name, {}, opts);
    const { source, spec, target } = args;
    const overlay = target.overlays[args.name] ?? {};
    this.release = new k8s.helm.v3.Release(
      `${name}-release`,
      {
        name,
        chart: source.chart,
        version: source.version,
        ...(source.repository === undefined ? {} : { repositoryOpts: { repo: source.repository } }),
        namespace: args.namespace,
        timeout: spec.timeout,
        atomic: true,
        // Without it the provider drops empty lists and nulls from the values, and the chart's defaults
        // come back: MinIO's `users: []` would again be console/console123.
        allowNullValues: true,
        values: mergeValues(args.values, overlay) as pulumi.Input<Record<string, unknown>>,
      },
      {
        parent: this,
        provider: target.provider,
        ...(dependsOn === undefined ? {} : { dependsOn }),
        // Between placeholder and real chart nothing can be carried over: names and selectors differ.
        replaceOnChanges: ["chart"],
        deleteBeforeReplace: true,
        ...(target.deletedWith === undefined ? {} : { deletedWith: target.deletedWith }),
        customTimeouts: { create: `${spec.timeout}s`, update: `${spec.timeout}s` },
      },
    );
    this.registerOutputs({ release: this.release.id });
  }
}
