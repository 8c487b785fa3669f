import { type Path, textAt, valueAt } from "../json.ts";
import { podsOf } from "../pods/pods.ts";
import { defineRule, type Issue } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Context, NamespaceFacts, Rule } from "../types.ts";
import { claimsOf, gpusOf, largest } from "./allocation.ts";

const NAMESPACE: Path = ["metadata", "namespace"];

/** Facts of an object's namespace, or an issue that says why they are not known here. */
function namespaceFacts(
  object: unknown,
  { namespaces }: Context,
): NamespaceFacts | { readonly unknown: Issue } {
  const name = textAt(object, ...NAMESPACE);
  if (namespaces === undefined || name === undefined || name === "" || isRunTimeValue(name)) {
    const message = "the GPU quota of the namespace is not known here";
    return {
      unknown: { path: NAMESPACE, message, fix: "nothing here, admission decides", deferred: true },
    };
  }
  return (Object.hasOwn(namespaces, name) && namespaces[name]) || { gpuQuota: 0, maximumGpus: 0 };
}

const namespaceQuota = defineRule({
  name: "gpu-namespace-quota",
  description: "GPUs are asked for only in namespaces that have a GPU quota.",
  level: "mandatory",
  target: "kubernetes",
  check: (object, context) => {
    const { resource } = context.accelerators;
    if (!podsOf(object).some((pod) => claimsOf(pod, resource).length > 0)) return [];
    const facts = namespaceFacts(object, context);
    if ("unknown" in facts) return [facts.unknown];
    if (facts.gpuQuota > 0) return [];
    const message = `namespace ${textAt(object, ...NAMESPACE)} has no GPU quota`;
    return [
      { path: NAMESPACE, message, fix: "run it in a namespace of a team that has GPUs, or ask for a quota" },
    ];
  },
});

const teamMaximum = defineRule({
  name: "gpu-team-maximum",
  description: "A workload holds at most as many GPUs at a time as its team may.",
  level: "mandatory",
  target: "kubernetes",
  check: (object, context) => {
    const pods = podsOf(object);
    const held = pods.map((pod) => gpusOf(pod, context.accelerators.resource) * pod.count);
    // Steps of a workflow need not run at the same time; groups of a cluster do.
    const steps = pods.some(({ kind }) => kind.startsWith("argoproj.io/") && kind !== "argoproj.io/Rollout");
    const gpus = steps ? largest(held) : held.reduce((total, amount) => total + amount, 0);
    const facts = namespaceFacts(object, context);
    // Where the namespace is not known gpu-namespace-quota says so; where it has no quota that is said too.
    if ("unknown" in facts || facts.gpuQuota === 0 || gpus <= facts.maximumGpus) return [];
    const message = `the ${valueAt(object, "kind")} holds ${gpus} GPUs at a time; its team may hold ${facts.maximumGpus}`;
    return [{ path: ["spec"], message, fix: "ask for fewer GPUs or replicas" }];
  },
});

/** Rules on how many GPUs a namespace and its team may use. */
export const gpuQuotaRules: readonly Rule[] = [namespaceQuota, teamMaximum];
