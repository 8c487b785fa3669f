import { isEmpty, valueAt } from "./json.ts";
import { groupKindOf, POD_KINDS } from "./pods/podKinds.ts";
import { workflowTemplates } from "./pods/workflowTemplates.ts";
import { deferral, defineRule, type Issue } from "./rule.ts";
import type { Rule } from "./types.ts";

/** Says where an Argo workflow makes or changes pods in ways that only run time knows. */
export const workflowRunTime: Rule = defineRule({
  name: "workflow-run-time",
  description: "Patches of pods and manifests that a workflow applies are judged when they are admitted.",
  level: "mandatory",
  target: "kubernetes",
  check: (object) => {
    const groupKind = groupKindOf(valueAt(object, "apiVersion"), valueAt(object, "kind"));
    const kind =
      groupKind === undefined || !Object.hasOwn(POD_KINDS, groupKind) ? undefined : POD_KINDS[groupKind];
    if (kind === undefined || !("workflowSpec" in kind)) return [];
    const ofWorkflow = [["podSpecPatch"], ["artifactGC", "podSpecPatch"]].map((field) => [
      ...kind.workflowSpec,
      ...field,
    ]);
    const ofTemplates = workflowTemplates(object, kind.workflowSpec).flatMap(({ path, value }): Issue[] => [
      ...(isEmpty(value.podSpecPatch)
        ? []
        : [deferral([...path, "podSpecPatch"], "what podSpecPatch makes of the pod")]),
      ...(isEmpty(value.resource)
        ? []
        : [deferral([...path, "resource"], "the manifest that the template applies")]),
      ...(isEmpty(value.plugin) ? [] : [deferral([...path, "plugin"], "what the plugin runs")]),
    ]);
    const patched = ofWorkflow
      .filter((path) => !isEmpty(valueAt(object, ...path)))
      .map((path) => deferral(path, "what podSpecPatch makes of the pods"));
    return [...patched, ...ofTemplates];
  },
});
