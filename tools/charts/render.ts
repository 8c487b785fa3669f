import { parse } from "yaml";
import type { Values } from "../../components/target.ts";
import { exec } from "../lib/exec.ts";
import lock from "../toolchain/lock.json" with { type: "json" };

/** A Kubernetes object as a manifest has it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [key: string]: unknown;
}

/** An object that a chart renders, and the chart's file that it comes from. */
export interface RenderedObject {
  /** Path within the chart, e.g. `argo-cd/templates/server/deployment.yaml`. */
  readonly source: string;
  readonly object: KubernetesObject;
}

export interface RenderOptions {
  /** Path of a chart archive or folder. */
  readonly chart: string;
  /** Release name. */
  readonly release: string;
  readonly namespace: string;
  /** Plain data: no Inputs. */
  readonly values: Values;
  /** Kubernetes version that the chart is told. Default: that of the embedded cluster. */
  readonly kubeVersion?: string;
  /** Leaves out the schemas of CRDs, which take many times longer to read than all the rest. */
  readonly withoutSchemas?: boolean;
  /** API groups that the chart is told besides Kubernetes' own. Default: the Prometheus operator's. */
  readonly apiVersions?: readonly string[];
}

const KUBE_VERSION = lock.tools["kube-apiserver"].version;

/** Prometheus' CRDs come first on every stack, and charts ask for them before they make a monitor. */
const API_VERSIONS = ["monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor"];

const TIMEOUT_MS = 120_000;

/**
 * Renders a chart as `helm template` does: no cluster is asked. Hooks and CRDs are included.
 *
 * @throws ExecError with Helm's message when the chart or the values are wrong.
 */
export async function renderChart(options: RenderOptions): Promise<RenderedObject[]> {
  const apiVersions = (options.apiVersions ?? API_VERSIONS).flatMap((v) => ["--api-versions", v]);
  const { stdout } = await exec(
    "helm",
    [
      ...["template", options.release, options.chart, "--namespace", options.namespace, "--include-crds"],
      ...["--kube-version", options.kubeVersion ?? KUBE_VERSION, ...apiVersions, "--values", "-"],
    ],
    { input: JSON.stringify(options.values), timeoutMs: TIMEOUT_MS },
  );
  return parseRendered(options.withoutSchemas ? dropSchemas(stdout) : stdout);
}

/** The objects in what `helm template` prints. */
export function parseRendered(text: string): RenderedObject[] {
  let source = "";
  return text.split(/^---\s*$/m).flatMap((document) => {
    // Helm names a file once; a file that holds several documents, or begins with `---`, has more.
    source = /^# Source: (.*)$/m.exec(document)?.[1] ?? source;
    // Go's YAML accepts a key twice, and some charts rely on it.
    const object = parse(document, { uniqueKeys: false }) as KubernetesObject | null;
    return object?.kind === undefined ? [] : [{ source, object }];
  });
}

/** Removes every `schema:` of CRDs with the deeper indented lines that follow it. */
function dropSchemas(text: string): string {
  let inCrd = false;
  let schemaIndent: number | undefined;
  return text
    .split("\n")
    .filter((line) => {
      if (line.startsWith("---")) inCrd = false;
      if (line === "kind: CustomResourceDefinition") inCrd = true;
      const indent = line.search(/\S/);
      if (schemaIndent !== undefined && (indent === -1 || indent > schemaIndent)) return false;
      schemaIndent = inCrd && line.trim() === "schema:" ? indent : undefined;
      return schemaIndent === undefined;
    })
    .join("\n");
}
