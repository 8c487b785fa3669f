import { objectsOf } from "../rules/evaluate.ts";
import { isObject } from "../rules/json.ts";
import type { Target } from "../rules/types.ts";

const RELEASE = "kubernetes:helm.sh/v3:Release";

/** What kind of thing a Pulumi type token names; undefined for what no rule judges. */
export function targetOf(type: string): Target | undefined {
  if (type === RELEASE) return "release";
  if (type.startsWith("aws:")) return "aws";
  return type.startsWith("kubernetes:") ? "kubernetes" : undefined;
}

/** The objects that a resource's inputs stand for: a List holds many. */
export function subjectsOf(target: Target, type: string, inputs: unknown): unknown[] {
  if (target !== "kubernetes") return [inputs];
  return objectsOf(withKind(type, inputs)).map(({ value }) => value);
}

/** Pulumi's SDKs add apiVersion and kind; programs in YAML may leave them out. `DeploymentPatch` is a Deployment. */
function withKind(type: string, inputs: unknown): unknown {
  const [, apiVersion = "", kind = ""] = type.split(":");
  if (!isObject(inputs)) return inputs;
  return { apiVersion: apiVersion.replace(/^core\//, ""), kind: kind.replace(/Patch$/, ""), ...inputs };
}
