import { ApiException, CoreV1Api, CustomObjectsApi, KubeConfig } from "@kubernetes/client-node";
import { z } from "zod";
import { platformConfigMap, runsPodsAnnotation } from "./contract.ts";
import type { NamespaceReader } from "./environment.ts";

const group = "argoproj.io";
const version = "v1alpha1";

/** Label of the WorkflowTemplates that this platform deployed. */
const ours = "app.kubernetes.io/part-of=mlops-platform";

const template = z.object({
  metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.unknown(),
});

/** A WorkflowTemplate as it is deployed. */
export interface DeployedTemplate {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: unknown;
}

export interface ClusterAccess {
  /** Path of a kubeconfig. */
  readonly kubeconfig: string;
  /** Its current context by default. */
  readonly context?: string;
  readonly namespace: string;
}

/** The namespace in which pipelines are deployed. */
export class PipelineNamespace implements NamespaceReader {
  readonly name: string;
  readonly core: CoreV1Api;
  readonly objects: CustomObjectsApi;
  private readonly server: string;

  /** @throws Error when the kubeconfig cannot be read or lacks the context. */
  constructor(access: ClusterAccess) {
    const config = new KubeConfig();
    config.loadFromFile(access.kubeconfig);
    if (access.context !== undefined) config.setCurrentContext(access.context);
    const cluster = config.getCurrentCluster();
    if (cluster === null)
      throw new Error(`${access.kubeconfig} has no context ${config.getCurrentContext()}`);
    this.server = cluster.server;
    this.name = access.namespace;
    this.core = config.makeApiClient(CoreV1Api);
    this.objects = config.makeApiClient(CustomObjectsApi);
  }

  /**
   * A deployed pipeline.
   *
   * @throws Error listing the pipelines that there are when it is none.
   */
  async template(name: string): Promise<DeployedTemplate> {
    const found = await this.orAbsent(
      this.objects.getNamespacedCustomObject({
        group,
        version,
        namespace: this.name,
        plural: "workflowtemplates",
        name,
      }),
    );
    if (found === undefined) {
      const known = (await this.templates()).map((one) => one.name);
      throw new Error(
        `there is no pipeline "${name}"; pipelines: ${known.join(", ") || "none: run `make up`"}`,
      );
    }
    return toTemplate(found);
  }

  /** Every pipeline that this platform deployed, by name. */
  async templates(): Promise<DeployedTemplate[]> {
    const list = await this.orAbsent(
      this.objects.listNamespacedCustomObject({
        group,
        version,
        namespace: this.name,
        plural: "workflowtemplates",
        labelSelector: ours,
      }),
    );
    const items = z.object({ items: z.array(z.unknown()) }).safeParse(list);
    if (!items.success) return [];
    return items.data.items.map(toTemplate).sort((a, b) => a.name.localeCompare(b.name));
  }

  async configMap(name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await this.orAbsent(this.core.readNamespacedConfigMap({ name, namespace: this.name }));
    return found === undefined ? undefined : (found.data ?? {});
  }

  async secret(name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await this.orAbsent(this.core.readNamespacedSecret({ name, namespace: this.name }));
    if (found === undefined) return undefined;
    const decoded = Object.entries(found.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, "base64").toString("utf8"),
    ]);
    return Object.fromEntries(decoded);
  }

  /** Whether containers really run on this cluster. */
  async runsPods(): Promise<boolean> {
    const platform = await this.orAbsent(
      this.core.readNamespacedConfigMap({ name: platformConfigMap, namespace: this.name }),
    );
    if (platform === undefined) {
      throw new Error(
        `namespace ${this.name} has no ConfigMap "${platformConfigMap}": the stack is not up; run \`make up\``,
      );
    }
    return platform.metadata?.annotations?.[runsPodsAnnotation] !== "false";
  }

  /** Turns 404 into undefined and a connection that fails into an error that says where. */
  async orAbsent<T>(request: Promise<T>): Promise<T | undefined> {
    try {
      return await request;
    } catch (error) {
      if (error instanceof ApiException) {
        if (error.code === 404) return undefined;
        throw new Error(`the cluster's API server answered HTTP ${error.code}: ${reasonOf(error.body)}`);
      }
      throw new Error(
        `the cluster's API server ${this.server} does not answer (${rootOf(error)}); start the cluster with \`make up\``,
      );
    }
  }
}

function toTemplate(object: unknown): DeployedTemplate {
  const { metadata, spec } = template.parse(object);
  return { name: metadata.name, annotations: metadata.annotations, spec };
}

function reasonOf(body: unknown): string {
  try {
    const status: unknown = typeof body === "string" ? JSON.parse(body) : body;
    const message = z.object({ message: z.string() }).safeParse(status);
    if (message.success) return message.data.message;
  } catch {
    // Not JSON: shown as it is.
  }
  return String(body).slice(0, 200);
}

function rootOf(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause;
  return cause instanceof Error ? cause.message : (error as Error).message;
}
