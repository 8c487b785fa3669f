import { describe, objectsOf } from "../rules/evaluate.ts";
import { isObject, listAt } from "../rules/json.ts";
import type { Target } from "../rules/types.ts";

const RELEASE = "kubernetes:helm.sh/v3:Release";

/** What kind of thing a Pulumi type token names; undefined for what no rule judges. */
export function targetOf(type: string): Target | undefined {
  if (type === RELEASE) return "release";
  if (type.startsWith("aws:")) return "aws";
  return type.startsWith("kubernetes:") ? "kubernetes" : undefined;
}

/** What rules judge of a resource: a release holds Kubernetes objects, too, where its values state them. */
export function targetsOf(type: string): readonly Target[] {
  const target = targetOf(type);
  if (target === undefined) return [];
  return target === "release" ? ["release", "kubernetes"] : [target];
}

export interface Subject {
  readonly value: unknown;
  /** What it is called, where the resource's own name does not say it. */
  readonly name?: string;
}

/** What a resource's inputs stand for: a List holds many objects. */
export function subjectsOf(target: Target, type: string, inputs: unknown): Subject[] {
  if (target !== "kubernetes") return [{ value: inputs }];
  if (type === RELEASE) return statedObjects(inputs).map((value) => ({ value, name: describe(value) }));
  return objectsOf(withKind(type, inputs)).map(({ value }) => ({ value }));
}

/** By the inputs that state them: each policy asks, and they are large. */
const stated = new WeakMap<object, unknown[]>();

/** The objects of a release of charts/pipelines, which installs what its values say, as text in JSON. */
function statedObjects(inputs: unknown): unknown[] {
  if (!isObject(inputs)) return [];
  const known = stated.get(inputs) ?? readStated(inputs);
  stated.set(inputs, known);
  return known;
}

function readStated(inputs: unknown): unknown[] {
  return listAt(inputs, "values", "manifests").flatMap((text) => {
    const object = typeof text === "string" ? fromJson(text) : undefined;
    return isObject(object) ? objectsOf(object).map(({ value }) => value) : [];
  });
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Another chart's manifests, or one that is not known before the update.
    return undefined;
  }
}

/** Pulumi's SDKs add apiVersion and kind; programs in YAML may leave them out. `DeploymentPatch` is a Deployment. */
function withKind(type: string, inputs: unknown): unknown {
  const [, apiVersion = "", kind = ""] = type.split(":");
  if (!isObject(inputs)) return inputs;
  return { apiVersion: apiVersion.replace(/^core\//, ""), kind: kind.replace(/Patch$/, ""), ...inputs };
}
