import { type ChartName, charts, type PlatformChartName } from "../../charts.ts";
import { localFacts } from "../../components/local/facts.ts";
import { mergeValues } from "../../components/platform/helmAddon.ts";
import { platformOptions } from "../../components/platform/platform.ts";
import type { System, ValuesContext } from "../../components/platform/system.ts";
import { systems } from "../../components/platform/systems.ts";
import { type Size, sizes, type TargetFacts, type Values } from "../../components/target.ts";
import { local } from "../../config/schema.ts";
import { developmentTags } from "../../pipelines/images.ts";
import { recordedAws } from "./awsRecordings.ts";
import type { Outline, OutlinedStack } from "./outline.ts";
import { recordOutline } from "./record.ts";
import { type RenderedObject, renderChart } from "./render.ts";

/** What a chart's values are made for. */
export interface Recorded {
  readonly stack: OutlinedStack;
  readonly size: Size;
  /** With a domain, where the stack can have one: dashboards then have Ingresses. Without one by default. */
  readonly exposed?: boolean;
}

/** Charts that no cluster of AWS ever gets. */
const localOnly: readonly ChartName[] = ["minio", "fake-gpu-operator"];

/** Stacks that install the chart. */
export function recordedStacks(name: ChartName): OutlinedStack[] {
  if (!isPlatformChart(name)) return ["aws"];
  return localOnly.includes(name) ? ["local"] : ["local", "aws"];
}

function isPlatformChart(name: ChartName): name is PlatformChartName {
  return name in systems;
}

/**
 * The local target that outlines are recorded for: the embedded cluster, the only one that uses
 * placeholders. Fake GPUs are installed on k3d only, so that operator is recorded for it.
 */
function recordedTarget(name: ChartName): TargetFacts {
  return localFacts({
    cluster: name === "fake-gpu-operator" ? "k3d" : "embedded",
    keys: { accessKeyId: "recorded", secretAccessKey: "recorded" },
    gpus: { l4: 1, t4: 1 },
    imageRegistry: "registry.localhost:5000",
  });
}

/** What a local stack installs when nothing is configured. */
const localOptions = {
  ...platformOptions(
    local.parse({
      environment: "local",
      cluster: "embedded",
      nodes: [{ name: "recorded", role: "server", cpu: 4, memory: "16Gi" }],
    }),
  ),
  servingTag: developmentTags.serving,
};

/** Charts of AWS that only a stack with a domain installs. */
const ofDomains: readonly ChartName[] = ["cert-manager", "external-dns"];

function recording(name: ChartName, { stack, size, exposed = false }: Recorded): [System, ValuesContext] {
  if (stack === "local" && isPlatformChart(name)) {
    return [systems[name], { target: recordedTarget(name), size, options: localOptions }];
  }
  const onAws = recordedAws(exposed || ofDomains.includes(name));
  const system = [...Object.values(systems), ...onAws.systems].find(({ chart }) => chart === name);
  if (system === undefined) throw new Error(`chart ${name} is not installed on the stack ${stack}`);
  return [system, { ...onAws.context, size }];
}

/** The values that the platform gives a chart on the recorded target. */
export function recordedValues(name: ChartName, recorded: Recorded): Values {
  const [system, context] = recording(name, recorded);
  return mergeValues(system.values(context), context.target.overlays[name] ?? {});
}

/** Renders a chart with our values. @param path of its archive or folder. */
export function renderRecorded(name: ChartName, path: string, recorded: Recorded): Promise<RenderedObject[]> {
  const { namespace } = charts[name];
  const values = recordedValues(name, recorded);
  return renderChart({ chart: path, release: name, namespace, values, withoutSchemas: true });
}

/** Records the outline of a chart. @param path of its archive or folder. */
export async function recordChart(name: ChartName, path: string, stack: OutlinedStack): Promise<Outline> {
  const rendered: Partial<Record<Size, RenderedObject[]>> = {};
  // One after the other: rendering fills a core, and the CRD charts take much memory.
  for (const size of sizes) rendered[size] = await renderRecorded(name, path, { stack, size });
  return recordOutline(charts[name], rendered as Record<Size, RenderedObject[]>);
}
