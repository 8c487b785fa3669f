import { type ChartName, charts } from "../../charts.ts";
import { localFacts } from "../../components/local/facts.ts";
import { mergeValues } from "../../components/platform/helmAddon.ts";
import { platformOptions } from "../../components/platform/platform.ts";
import type { ValuesContext } from "../../components/platform/system.ts";
import { systems } from "../../components/platform/systems.ts";
import { type Size, sizes, type TargetFacts, type Values } from "../../components/target.ts";
import { local } from "../../config/schema.ts";
import type { Outline } from "./outline.ts";
import { recordOutline } from "./record.ts";
import { type RenderedObject, renderChart } from "./render.ts";

/**
 * The target that outlines are recorded for: the embedded cluster, the only one that uses
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
const options = platformOptions(
  local.parse({
    environment: "local",
    cluster: "embedded",
    nodes: [{ name: "recorded", role: "server", cpu: 4, memory: "16Gi" }],
  }),
);

/** The values that the platform gives a chart on the recorded target. */
export function recordedValues(name: ChartName, size: Size): Values {
  const target = recordedTarget(name);
  const context: ValuesContext = { target, size, options };
  return mergeValues(systems[name].values(context), target.overlays[name] ?? {});
}

/** Renders a chart with our values, for one size. @param path of its archive or folder. */
export function renderRecorded(name: ChartName, path: string, size: Size): Promise<RenderedObject[]> {
  const { namespace } = charts[name];
  const values = recordedValues(name, size);
  return renderChart({ chart: path, release: name, namespace, values, withoutSchemas: true });
}

/** Records the outline of a chart. @param path of its archive or folder. */
export async function recordChart(name: ChartName, path: string): Promise<Outline> {
  const rendered: Partial<Record<Size, RenderedObject[]>> = {};
  // One after the other: rendering fills a core, and the CRD charts take much memory.
  for (const size of sizes) rendered[size] = await renderRecorded(name, path, size);
  return recordOutline(charts[name], rendered as Record<Size, RenderedObject[]>);
}
