/** Targets that the tests of values run on; plain data, no engine. */
import type { PlatformChartName } from "../../../charts.ts";
import { localFacts } from "../../../components/local/facts.ts";
import type { PlatformOptions, ValuesContext } from "../../../components/platform/system.ts";
import { systems } from "../../../components/platform/systems.ts";
import type { TargetFacts } from "../../../components/target.ts";

/** Recognizable, so that a test finds them wherever they leak to. */
export const keys = { accessKeyId: "sentinel-access-key", secretAccessKey: "sentinel-secret-key" };

const gpus = { l4: 1, t4: 2 };

/** k3d: everything exposed, self-hosted store, simulated GPUs. */
export const k3d: TargetFacts = localFacts({
  cluster: "k3d",
  keys,
  gpus,
  imageRegistry: "registry:5000",
  ingress: { className: "traefik", hostSuffix: "localhost" },
});

/** The embedded cluster: nothing exposed, a storage class of its own. */
export const embedded: TargetFacts = localFacts({
  cluster: "embedded",
  keys,
  gpus,
  imageRegistry: "registry:5000",
  storageClass: "standard",
});

/** A cloud: object store without endpoint or keys, PostgreSQL, real GPUs. */
export const cloud: TargetFacts = {
  ...localFacts({ cluster: "existing", keys, gpus: { l4: 2, t4: 2 }, imageRegistry: "registry" }),
  name: "cloud",
  objectStore: {
    region: "eu-central-1",
    buckets: { mlflowArtifacts: "artifacts-x1", modelRegistry: "models-x1", datasets: "datasets-x1" },
  },
  selfHostsObjectStore: false,
  database: {
    kind: "postgres",
    host: "db.internal",
    port: 5432,
    name: "mlflow",
    existingSecret: "mlflow-database",
  },
  storageClass: "gp3",
  workloadIdentity: (namespace, name) => ({ annotations: { role: `${namespace}/${name}` } }),
};

export const options: PlatformOptions = {
  teams: ["team-a", "team-b"],
  llm: { model: "Qwen/Qwen2.5-0.5B-Instruct", replicas: 1 },
};

export const gpuOptions: PlatformOptions = {
  teams: ["team-a"],
  triton: { accelerator: "t4", replicas: 0 },
  llm: { model: "mistralai/Mistral-7B-Instruct-v0.3", accelerator: "l4", replicas: 0, tokenSecret: "hub" },
};

export const contexts: Readonly<Record<string, ValuesContext>> = {
  "k3d, small": { target: k3d, size: "small", options },
  "embedded, small": { target: embedded, size: "small", options },
  "k3d, production": { target: k3d, size: "production", options },
  "cloud with GPUs, production": { target: cloud, size: "production", options: gpuOptions },
};

/** Values as Helm gets them; loosely typed, because each chart has its own shape. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into values of eleven charts
export function valuesOf(chart: PlatformChartName, context: Partial<ValuesContext> = {}): any {
  return systems[chart].values({ target: k3d, size: "small", options, ...context });
}

/** Every value in a tree with its path. */
export function leaves(tree: unknown, path: readonly string[] = []): [string[], unknown][] {
  if (typeof tree !== "object" || tree === null) return [[[...path], tree]];
  return Object.entries(tree).flatMap(([key, value]) => leaves(value, [...path, key]));
}

/** Every map in a tree with its path. */
export function maps(
  tree: unknown,
  path: readonly string[] = [],
): [string[], Readonly<Record<string, unknown>>][] {
  if (typeof tree !== "object" || tree === null) return [];
  const below = Object.entries(tree).flatMap(([key, value]) => maps(value, [...path, key]));
  return Array.isArray(tree) ? below : [[[...path], tree as Record<string, unknown>], ...below];
}
