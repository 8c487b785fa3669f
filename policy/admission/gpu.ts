import { aimKnobs, gpuNodeLabelPattern } from "../rules/gpu/aim.ts";
import { deadlineKnobs } from "../rules/gpu/placement.ts";
import { resourceNameKnobs } from "../rules/gpu/request.ts";
import { knobsIn } from "../rules/rule.ts";
import type { Context } from "../rules/types.ts";
import { amount, isPositive } from "./pod.ts";
import { type CelRule, literal, type Variable } from "./types.ts";

/** GPUs that a list of containers asks for, one number each. The API has made requests equal to limits. */
function amounts(containers: string, resource: string): string {
  return `variables.${containers}.map(c, ${amount("limits", literal(resource))}.asInteger())`;
}

/** What GPU rules talk about: how many GPUs a pod holds, and whether it is aimed at GPU nodes. */
export function gpuVariables(context: Context): Variable[] {
  const { resource, taint, label } = context.accelerators;
  const knobs = knobsIn(context, "gpu-request", aimKnobs);
  const isGpuLabel = literal(gpuNodeLabelPattern(knobs, context));
  const aims = [
    `variables.pod.?tolerations.orValue([]).exists(t, t.?key.orValue('') == ${literal(taint)} || (!variables.perNode && t.?key.orValue('') == '' && t.?operator.orValue('') == 'Exists'))`,
    `variables.selector.exists(k, (k + '=' + variables.selector[k]).matches(${isGpuLabel}))`,
    `(variables.requiredTerms + variables.preferredTerms).exists(t, t.?matchExpressions.orValue([]).exists(e, e.operator == 'In' ? e.values.exists(v, (e.key + '=' + v).matches(${isGpuLabel})) : e.operator in ['Exists', 'Gt', 'Lt'] && (e.key + '=').matches(${isGpuLabel})))`,
    // Once a pod is there, the scheduler has written the name.
    "(variables.object.kind != 'Pod' || request.operation == 'CREATE') && variables.pod.?nodeName.orValue('') != ''",
    `variables.pod.?runtimeClassName.orValue('') in ${literal(knobs.runtimeClasses)}`,
    "variables.containers.exists(c, c.?env.orValue([]).exists(e, e.name == 'NVIDIA_VISIBLE_DEVICES' && (has(e.valueFrom) || !(e.?value.orValue('void') in ['', 'void', 'none']))))",
    `${literal(label)} in variables.labels`,
  ];
  return [
    { name: "ofMains", expression: amounts("mains", resource) },
    { name: "ofSidecars", expression: amounts("sidecars", resource) },
    { name: "ofInits", expression: amounts("inits", resource) },
    {
      name: "gpus",
      expression:
        "variables.ofSidecars.sum() + [variables.ofMains.sum(), ([0] + variables.ofInits).max()].max()",
    },
    {
      name: "count",
      expression:
        "variables.object.kind in ['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController'] ? variables.object.spec.?replicas.orValue(1) : variables.object.kind == 'Job' ? variables.object.spec.?parallelism.orValue(1) : variables.object.kind == 'CronJob' ? variables.object.spec.jobTemplate.spec.?parallelism.orValue(1) : 1",
    },
    { name: "selector", expression: "variables.pod.?nodeSelector.orValue({})" },
    {
      name: "requiredTerms",
      expression:
        "variables.pod.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])",
    },
    {
      name: "preferredTerms",
      expression:
        "variables.pod.?affinity.?nodeAffinity.?preferredDuringSchedulingIgnoredDuringExecution.orValue([]).map(p, p.preference)",
    },
    {
      name: "perNode",
      expression:
        "variables.object.kind == 'DaemonSet' || variables.object.?metadata.?ownerReferences.orValue([]).exists(o, o.kind == 'DaemonSet' && o.?controller.orValue(false))",
    },
    { name: "aimed", expression: aims.map((aim) => `(${aim})`).join(" || ") },
  ];
}

/**
 * The GPU rules in CEL. `gpu-quantity` is not stated: the API refuses fractions, negative amounts and requests
 * that differ from limits itself. `params` is a ConfigMap with what the namespace may use.
 */
export function gpuRules(context: Context): CelRule[] {
  const { resource, label, classes } = context.accelerators;
  const { others } = knobsIn(context, "gpu-resource-name", resourceNameKnobs);
  const { maximumSeconds } = knobsIn(context, "gpu-deadline", deadlineKnobs);
  const keys = [context.labels.owner, context.labels.queue];
  const otherNames = `variables.containers.exists(c, c.?resources.?limits.orValue({}).exists(r, r != ${literal(resource)} && r.matches(${literal(others)})))`;
  const admitted = `t.?matchExpressions.orValue([]).exists(e, e.key == ${literal(label)} && e.operator == 'In' && e.values.all(v, v in ${literal(classes)}))`;
  const deadline =
    "(variables.object.kind == 'CronJob' ? variables.object.spec.jobTemplate.spec.?activeDeadlineSeconds : variables.object.spec.?activeDeadlineSeconds).or(variables.pod.?activeDeadlineSeconds).orValue(0)";
  return [
    {
      rule: "gpu-request",
      expression: "!variables.aimed || variables.ofMains.sum() + variables.ofSidecars.sum() > 0",
      message: `the pod is aimed at a GPU but no container that runs asks for one. Set limits["${resource}"], or remove what aims it`,
    },
    {
      rule: "gpu-resource-name",
      expression: `!${otherNames} && size(variables.pod.?resourceClaims.orValue([])) == 0`,
      message: `an accelerator is asked for by a name that no quota counts. Ask for ${resource}`,
    },
    {
      rule: "gpu-cpu-memory",
      expression: `variables.containers.all(c, !${isPositive("limits", literal(resource))} || ['cpu', 'memory'].all(r, ${isPositive("requests", "r")}))`,
      message: "a container asks for a GPU but not for cpu and memory. Set resources.requests",
    },
    {
      rule: "gpu-accelerator-class",
      expression: `variables.gpus == 0 || (${literal(label)} in variables.selector ? variables.selector[${literal(label)}] in ${literal(classes)} : size(variables.requiredTerms) > 0 && variables.requiredTerms.all(t, ${admitted}))`,
      message: `the pod asks for a GPU but names no known accelerator class. Set nodeSelector["${label}"] to one of ${classes.join(", ")}`,
    },
    {
      rule: "gpu-owner-queue",
      expression: `variables.gpus == 0 || ${literal(keys)}.all(k, variables.labels[?k].orValue('') != '')`,
      message: `the pod asks for a GPU but lacks a label. Label it with ${keys.join(" and ")}`,
    },
    {
      rule: "gpu-deadline",
      expression: `variables.gpus == 0 || !(variables.object.kind in ['Job', 'CronJob']) || (${deadline} > 0 && ${deadline} <= ${maximumSeconds})`,
      message: `the job holds a GPU without a deadline of at most ${maximumSeconds} seconds. Set activeDeadlineSeconds`,
    },
    {
      rule: "gpu-namespace-quota",
      expression: "variables.gpus == 0 || int(params.data.gpuQuota) > 0",
      message: "the namespace has no GPU quota. Use a namespace of a team that has GPUs, or ask for a quota",
    },
    {
      rule: "gpu-team-maximum",
      expression:
        "int(params.data.gpuQuota) == 0 || variables.gpus * variables.count <= int(params.data.maximumGpus)",
      message: "the workload holds more GPUs at a time than its team may. Ask for fewer GPUs or replicas",
    },
  ];
}
