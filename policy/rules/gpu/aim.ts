import { z } from "zod";
import { asText, isObject, listAt, objectAt, type Path, textAt, valueAt } from "../json.ts";
import { patternKnob } from "../patternKnob.ts";
import type { PodTemplate } from "../pods/podTemplate.ts";
import type { Context, JsonObject } from "../types.ts";

/** What aims a pod at GPU nodes. Patterns are in the syntax that JavaScript and RE2 share. */
export const aimKnobs = z.object({
  nodeLabels: z
    .array(patternKnob)
    .default([
      "nvidia\\.com/(?:gpu|cuda|mig)[^=]*=.*",
      "node-role=training",
      "(?:node|beta)\\.kubernetes\\.io/instance-type=(?:g|gr|p)[0-9][a-z0-9-]*\\..+",
      "(?:karpenter\\.k8s\\.aws|eks\\.amazonaws\\.com)/instance-family=(?:g|gr|p)[0-9].*",
      "(?:karpenter\\.k8s\\.aws|eks\\.amazonaws\\.com)/instance-category=[gp]",
      "(?:karpenter\\.k8s\\.aws|eks\\.amazonaws\\.com)/instance-(?:gpu|accelerator)-[^=]+=.*",
      "k8s\\.amazonaws\\.com/accelerator=.*",
    ])
    .describe("Patterns of key=value that only GPU nodes are labelled with; a key alone is written key="),
  runtimeClasses: z
    .array(z.string())
    .default(["nvidia", "nvidia-cdi", "nvidia-legacy"])
    .describe("Runtime classes that give a container access to GPUs"),
});

export type AimKnobs = z.output<typeof aimKnobs>;

/** A part of a pod spec that sends the pod to GPU nodes. */
export interface Aim {
  readonly path: Path;
  readonly what: string;
}

/** Matches `key=value` of a node label that only GPU nodes carry: the configured ones and our accelerator label. */
export function gpuNodeLabelPattern({ nodeLabels }: AimKnobs, { accelerators }: Context): string {
  return `^(?:${[`${accelerators.label.replaceAll(".", "\\.")}=.*`, ...nodeLabels].join("|")})$`;
}

/** Everything that aims a pod at an accelerator; none for a pod that runs anywhere. */
export function aimsOf(pod: PodTemplate, context: Context, knobs: AimKnobs): Aim[] {
  const isGpuLabel = new RegExp(gpuNodeLabelPattern(knobs, context));
  return [
    ...tolerationAims(pod, context),
    ...selectorAims(pod, isGpuLabel),
    ...affinityAims(pod, isGpuLabel),
    ...nodeNameAims(pod),
    ...runtimeAims(pod, knobs),
    ...labelAims(pod, context),
  ];
}

/** A toleration of every taint counts too, save on a DaemonSet, which means to run on each node. */
function tolerationAims({ spec, at, perNode }: PodTemplate, { accelerators }: Context): Aim[] {
  return listAt(spec, "tolerations").flatMap((toleration, index) => {
    const key = textAt(toleration, "key") ?? "";
    const ofEverything = key === "" && textAt(toleration, "operator") === "Exists" && !perNode;
    if (key !== accelerators.taint && !ofEverything) return [];
    return [{ path: at("tolerations", index), what: `toleration of ${key || "every taint"}` }];
  });
}

function selectorAims({ spec, at }: PodTemplate, isGpuLabel: RegExp): Aim[] {
  return Object.entries(objectAt(spec, "nodeSelector")).flatMap(([key, value]) =>
    isGpuLabel.test(`${key}=${asText(value)}`)
      ? [{ path: at("nodeSelector", key), what: `node selector ${key}` }]
      : [],
  );
}

function affinityAims({ spec, at }: PodTemplate, isGpuLabel: RegExp): Aim[] {
  const node = objectAt(spec, "affinity", "nodeAffinity");
  const required = listAt(node, "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
  const preferred = listAt(node, "preferredDuringSchedulingIgnoredDuringExecution");
  const terms = [...required, ...preferred.map((preference) => objectAt(preference, "preference"))];
  const expressions = terms.flatMap((term) => listAt(term, "matchExpressions")).filter(isObject);
  return expressions
    .filter((expression) => attractedLabels(expression).some((label) => isGpuLabel.test(label)))
    .map(({ key }) => ({ path: at("affinity", "nodeAffinity"), what: `node affinity for ${asText(key)}` }));
}

/** Labels as `key=value` that an expression looks for; expressions that keep away from a label look for none. */
function attractedLabels(expression: JsonObject): string[] {
  const key = textAt(expression, "key") ?? "";
  switch (expression.operator) {
    case "In":
      return listAt(expression, "values").map((value) => `${key}=${asText(value)}`);
    case "Exists":
    // Both compare only with a label that is there.
    case "Gt":
    case "Lt":
      return [`${key}=`];
    default:
      return [];
  }
}

/** A pod that names its node passes by the scheduler, and so by the taint of GPU nodes. */
function nodeNameAims({ spec, at, scheduled }: PodTemplate): Aim[] {
  const node = scheduled ? "" : (textAt(spec, "nodeName") ?? "");
  return node === "" ? [] : [{ path: at("nodeName"), what: `node name ${node}, past every taint` }];
}

function runtimeAims({ spec, at, containers }: PodTemplate, { runtimeClasses }: AimKnobs): Aim[] {
  const runtime = textAt(spec, "runtimeClassName");
  const byClass =
    runtime !== undefined && runtimeClasses.includes(runtime)
      ? [{ path: at("runtimeClassName"), what: `runtime class ${runtime}` }]
      : [];
  // The NVIDIA runtime hands every GPU of the node to a container that sets this, asked for or not.
  const byEnvironment = containers.flatMap(({ path, value }) =>
    listAt(value, "env").flatMap((variable, index) => {
      const visible = textAt(variable, "value") ?? "void";
      // What it is set to from elsewhere, nobody sees here.
      const some = isObject(valueAt(variable, "valueFrom")) || !["", "void", "none"].includes(visible);
      const set = textAt(variable, "name") === "NVIDIA_VISIBLE_DEVICES" && some;
      return set ? [{ path: [...path, "env", index], what: "NVIDIA_VISIBLE_DEVICES" }] : [];
    }),
  );
  return [...byClass, ...byEnvironment];
}

function labelAims({ labels, labelsPath }: PodTemplate, { accelerators }: Context): Aim[] {
  const carries = Object.hasOwn(labels, accelerators.label);
  return carries ? [{ path: [...labelsPath, accelerators.label], what: `label ${accelerators.label}` }] : [];
}
