import { z } from "zod";
import { asText, isObject, listAt, valueAt } from "../json.ts";
import { podsOf } from "../pods/pods.ts";
import type { PodTemplate } from "../pods/podTemplate.ts";
import { defineRule, type Issue } from "../rule.ts";
import type { Rule } from "../types.ts";
import { keepsPrivilege, type Privilege, systemWorkloadKnobs } from "./systemWorkloads.ts";

/** A rule against one privilege, which named system workloads keep. */
function privilegeRule<Shape extends z.ZodRawShape>(definition: {
  readonly name: string;
  readonly description: string;
  readonly privilege: Privilege;
  readonly knobs?: z.ZodObject<Shape>;
  readonly check: (pod: PodTemplate, knobs: z.output<z.ZodObject<Shape>>) => Issue[];
}): Rule {
  const { name, description, privilege, knobs, check } = definition;
  return defineRule({
    name,
    description,
    level: "mandatory",
    target: "kubernetes",
    knobs: systemWorkloadKnobs.extend((knobs?.shape ?? {}) as Shape),
    check: (object, context, settings) => {
      const { systemWorkloads } = settings as z.output<typeof systemWorkloadKnobs>;
      return podsOf(object).flatMap((pod) => {
        const issues = check(pod, settings as z.output<z.ZodObject<Shape>>);
        const kept =
          issues.length > 0 && keepsPrivilege(object, pod, privilege, context, { systemWorkloads });
        return kept ? [] : issues;
      });
    },
  });
}

const noPrivileged = privilegeRule({
  name: "no-privileged",
  description: "No container runs privileged or may gain privileges that the pod does not state.",
  privilege: "privileged",
  check: ({ containers }) =>
    containers.flatMap(({ path, value, label }) => {
      const at = [...path, "securityContext"];
      const privileged = valueAt(value, "securityContext", "privileged") === true;
      const unmasked = valueAt(value, "securityContext", "procMount") === "Unmasked";
      return [
        ...(privileged
          ? [
              {
                path: [...at, "privileged"],
                message: `container ${label} is privileged`,
                fix: "remove privileged",
              },
            ]
          : []),
        ...(unmasked
          ? [
              {
                path: [...at, "procMount"],
                message: `container ${label} unmasks /proc`,
                fix: "remove procMount",
              },
            ]
          : []),
      ];
    }),
});

const noHostPath = privilegeRule({
  name: "no-host-path",
  description: "No pod mounts a folder of its node.",
  privilege: "hostPath",
  check: ({ volumes }) =>
    volumes
      .filter(({ value }) => isObject(value.hostPath))
      .map(({ path, value }) => ({
        path: [...path, "hostPath"],
        message: `a volume mounts ${asText(valueAt(value, "hostPath", "path"))} of the node`,
        fix: "use a PersistentVolumeClaim or an emptyDir",
      })),
});

const noHostNamespaces = privilegeRule({
  name: "no-host-namespaces",
  description: "No pod shares the network, process or IPC namespace of its node.",
  privilege: "hostNamespaces",
  check: ({ spec, at }) =>
    ["hostNetwork", "hostPID", "hostIPC"]
      .filter((field) => spec[field] === true)
      .map((field) => ({ path: at(field), message: `the pod sets ${field}`, fix: `remove ${field}` })),
});

export const capabilityKnobs = z.object({
  harmless: z.array(z.string()).default(["NET_BIND_SERVICE"]).describe("Capabilities that may be added"),
});

const noAddedCapabilities = privilegeRule({
  name: "no-added-capabilities",
  description: "No container adds Linux capabilities beyond a few harmless ones.",
  privilege: "capabilities",
  knobs: capabilityKnobs,
  check: ({ containers }, { harmless }) =>
    containers.flatMap(({ path, value, label }) => {
      const field = ["securityContext", "capabilities", "add"];
      const added = listAt(value, ...field).map(asText);
      return added
        .filter((name) => !harmless.includes(name))
        .map((name) => ({
          path: [...path, ...field],
          message: `container ${label} adds capability ${name}`,
          fix: "drop ALL capabilities and add none",
        }));
    }),
});

/** Rules against privileges on the node. */
export const privilegeRules: readonly Rule[] = [
  noPrivileged,
  noHostPath,
  noHostNamespaces,
  noAddedCapabilities,
];
