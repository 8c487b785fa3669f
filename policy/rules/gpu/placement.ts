import { z } from "zod";
import { asText, isEmpty, listAt, type Path, textAt, valueAt } from "../json.ts";
import { podsOf } from "../pods/pods.ts";
import type { PodTemplate } from "../pods/podTemplate.ts";
import { parseQuantity } from "../quantity.ts";
import { deferral, defineRule, type Issue } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Context, Rule } from "../types.ts";
import { claimsOf } from "./allocation.ts";

/** The pods of an object that ask for a GPU. */
function gpuPodsOf(object: unknown, { accelerators }: Context): PodTemplate[] {
  return podsOf(object).filter((pod) => claimsOf(pod, accelerators.resource).length > 0);
}

const acceleratorClass = defineRule({
  name: "gpu-accelerator-class",
  description: "A pod that asks for a GPU says of which accelerator class.",
  level: "mandatory",
  target: "kubernetes",
  check: (object, context) => gpuPodsOf(object, context).flatMap((pod) => judgeClass(pod, context)),
});

function judgeClass(pod: PodTemplate, { accelerators: { label, classes } }: Context): Issue[] {
  const path = pod.at("nodeSelector", label);
  const fix = `set nodeSelector["${label}"] to one of ${classes.join(", ")}`;
  const selected = valueAt(pod.spec, "nodeSelector", label);
  if (isRunTimeValue(selected)) return [deferral(path, "the accelerator class")];
  const chosen = selected === undefined ? classesByAffinity(pod, label) : [selected];
  if (chosen === undefined) {
    return [{ path, message: "the pod asks for a GPU but names no accelerator class", fix }];
  }
  const unknown = chosen.filter((name) => typeof name !== "string" || !classes.includes(name));
  if (unknown.length === 0) return [];
  return [{ path, message: `accelerator class ${unknown.map(asText).join(", ")} is unknown`, fix }];
}

/** Classes that required node affinity admits; undefined unless each of its alternatives names some. */
function classesByAffinity({ spec }: PodTemplate, label: string): unknown[] | undefined {
  const required: Path = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
  const terms = listAt(spec, ...required, "nodeSelectorTerms");
  const named = terms.map((term) =>
    listAt(term, "matchExpressions").find(
      (expression) => textAt(expression, "key") === label && textAt(expression, "operator") === "In",
    ),
  );
  if (named.length === 0 || named.includes(undefined)) return undefined;
  return named.flatMap((expression) => listAt(expression, "values"));
}

const ownerAndQueue = defineRule({
  name: "gpu-owner-queue",
  description:
    "A pod that asks for a GPU carries the labels that say who owns it and which queue it waits in.",
  level: "mandatory",
  target: "kubernetes",
  check: (object, context) =>
    gpuPodsOf(object, context).flatMap((pod) =>
      [context.labels.owner, context.labels.queue]
        .filter((key) => typeof pod.labels[key] !== "string" || isEmpty(pod.labels[key]))
        .map((key) => ({
          path: [...pod.labelsPath, key],
          message: `the pod asks for a GPU but has no label ${key}`,
          fix: `label the pod template with ${key}`,
        })),
    ),
});

export const deadlineKnobs = z.object({
  maximumSeconds: z.int().min(1).default(604_800).describe("Longest deadline; a longer one is none"),
});

const deadline = defineRule({
  name: "gpu-deadline",
  description: "A job that holds a GPU has a deadline.",
  level: "mandatory",
  target: "kubernetes",
  knobs: deadlineKnobs,
  check: (object, context, { maximumSeconds }) =>
    gpuPodsOf(object, context)
      .filter(({ ends }) => ends)
      .flatMap(({ deadline: { value, path } }): Issue[] => {
        if (isRunTimeValue(value)) return [deferral(path, "the deadline")];
        const seconds = parseQuantity(value);
        if (seconds !== undefined && seconds > 0 && seconds <= maximumSeconds) return [];
        const message =
          value === undefined
            ? "the job holds a GPU without a deadline"
            : `deadline ${JSON.stringify(value)} is not between 1 and ${maximumSeconds} seconds`;
        return [{ path, message, fix: "set activeDeadlineSeconds" }];
      }),
});

/** Rules on where a GPU pod runs, for whom and how long. */
export const gpuPlacementRules: readonly Rule[] = [acceleratorClass, ownerAndQueue, deadline];
