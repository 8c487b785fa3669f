import * as pulumi from "@pulumi/pulumi";
import { type ChartName, ChartTableError, charts } from "../../charts.ts";
import { refuseUnverified } from "../../components/aws/digests.ts";
import type { PodRequests } from "../../components/platform/gatewayObjects.ts";
import type { ChartSource } from "../../components/platform/helmAddon.ts";
import type { Size } from "../../components/target.ts";
import { leftoverCrds, loadOutlines, type Outline, type OutlinedStack } from "../charts/outline.ts";
import { parseQuantity, type Requested, requestedBy, sum } from "../charts/requested.ts";
import { ChartsError, resolveCharts } from "../charts/resolve.ts";
import { projectRoot } from "../lib/paths.ts";

export interface FindChartsArgs {
  /** Kind of stack, for what was recorded of the charts. */
  readonly stack: OutlinedStack;
  readonly chartsDir: string;
  readonly size: Size;
  /** Whether a placeholder may stand in for a chart that cannot be had. */
  readonly allowOutline: boolean;
  /** Whether every chart must have a digest that was checked. */
  readonly requireVerified: boolean;
}

export interface FoundCharts {
  readonly sources: ReadonlyMap<ChartName, ChartSource>;
  readonly outlines: ReadonlyMap<ChartName, Outline>;
  /** CRDs that stay when the releases are uninstalled. */
  readonly leftoverCrds: readonly string[];
}

/**
 * The selected charts as Helm can install them, and what was recorded of them.
 *
 * @throws pulumi.RunError with the problems of all charts.
 */
export async function findCharts(names: readonly ChartName[], args: FindChartsArgs): Promise<FoundCharts> {
  try {
    if (args.requireVerified) refuseUnverified(charts, names);
    const sources = await resolveCharts(names, {
      ...args,
      projectRoot,
      onNotice: (text) => pulumi.log.info(text, undefined, undefined, true),
    });
    const outlines = loadOutlines(projectRoot, names, args.stack);
    return { sources, outlines, leftoverCrds: leftoverCrds(outlines.values()) };
  } catch (error) {
    if (error instanceof ChartsError || error instanceof ChartTableError)
      throw new pulumi.RunError(`nothing was changed; ${error.message}`);
    throw error;
  }
}

/** A sum of requests as people read it. */
export interface RequestedOutput {
  /** Cores. */
  readonly cpu: number;
  readonly memoryGiB: number;
}

export interface RequestedArgs {
  readonly outlines: ReadonlyMap<ChartName, Outline>;
  readonly size: Size;
  /** How many nodes DaemonSets run on. */
  readonly nodes: number;
  /** What runs beside the charts, by name. */
  readonly others: Readonly<Record<string, readonly PodRequests[]>>;
}

/** What the systems ask the scheduler for, in all and one by one. */
export function requestedOf({
  outlines,
  size,
  nodes,
  others,
}: RequestedArgs): RequestedOutput & { readonly bySystem: Readonly<Record<string, RequestedOutput>> } {
  const { charts } = requestedBy(outlines, size, nodes);
  const beside = Object.entries(others).map(([name, pods]) => [name, sum(pods.map(ofPods))] as const);
  const bySystem = { ...charts, ...Object.fromEntries(beside) };
  const readable = ({ cpu, memory }: Requested): RequestedOutput => ({
    cpu: Math.round(cpu * 1000) / 1000,
    memoryGiB: Math.round((memory / 2 ** 30) * 100) / 100,
  });
  return {
    ...readable(sum(Object.values(bySystem))),
    bySystem: Object.fromEntries(Object.entries(bySystem).map(([name, asked]) => [name, readable(asked)])),
  };
}

function ofPods({ pods, requests }: PodRequests): Requested {
  return { cpu: pods * parseQuantity(requests.cpu), memory: pods * parseQuantity(requests.memory) };
}
