import { knobsIn } from "../rules/rule.ts";
import { resourceKnobs } from "../rules/safety/containers.ts";
import { capabilityKnobs } from "../rules/safety/privileges.ts";
import type { Context } from "../rules/types.ts";
import { liesInOne } from "./images.ts";
import { isPositive } from "./pod.ts";
import { type CelRule, literal, type Variable } from "./types.ts";

/** Containers of images that we built. Needs the image variables: containers come first in `references`. */
export function safetyVariables({ registries }: Context): Variable[] {
  const isOwn = `variables.references.exists(r, r.image == c.?image.orValue('') && ${liesInOne("r.repository", registries.own)})`;
  return [{ name: "own", expression: `variables.containers.filter(c, ${isOwn})` }];
}

/** The workload safety rules in CEL. System workloads need no exception: teams' namespaces have none. */
export function safetyRules(context: Context): CelRule[] {
  const { required } = knobsIn(context, "container-resources", resourceKnobs);
  const { harmless } = knobsIn(context, "no-added-capabilities", capabilityKnobs);
  const stated = required.map((name) => {
    const [list, resource] = name.split(".") as ["limits" | "requests", string];
    return isPositive(list, literal(resource));
  });
  const effective = (field: string): string =>
    `c.?securityContext.?${field}.or(variables.pod.?securityContext.?${field})`;
  return [
    {
      rule: "no-privileged",
      expression:
        "variables.containers.all(c, !c.?securityContext.?privileged.orValue(false) && c.?securityContext.?procMount.orValue('') != 'Unmasked')",
      message: "a container is privileged or unmasks /proc. Remove it",
    },
    {
      rule: "no-host-path",
      expression: "!variables.volumes.exists(v, has(v.hostPath))",
      message: "a volume mounts a folder of the node. Use a PersistentVolumeClaim or an emptyDir",
    },
    {
      rule: "no-host-namespaces",
      expression:
        "!variables.pod.?hostNetwork.orValue(false) && !variables.pod.?hostPID.orValue(false) && !variables.pod.?hostIPC.orValue(false)",
      message: "the pod shares a namespace of its node. Remove hostNetwork, hostPID and hostIPC",
    },
    {
      rule: "no-added-capabilities",
      expression: `variables.containers.all(c, c.?securityContext.?capabilities.?add.orValue([]).all(k, k in ${literal(harmless)}))`,
      message: "a container adds Linux capabilities. Drop ALL and add none",
    },
    {
      rule: "container-resources",
      expression: `(variables.mains + variables.inits + variables.sidecars).all(c, ${stated.join(" && ")})`,
      message: `a container lacks ${required.join(", ")}. Set its resources`,
    },
    {
      rule: "run-as-non-root",
      expression: `variables.own.all(c, ${effective("runAsNonRoot")}.orValue(false) && ${effective("runAsUser")}.orValue(1) != 0)`,
      message: "a container of ours may run as root. Set runAsNonRoot: true, and no runAsUser: 0",
    },
    {
      rule: "service-account-token",
      expression:
        "!(variables.pod.?serviceAccountName.orValue('') in ['', 'default']) || !variables.pod.?automountServiceAccountToken.orValue(true)",
      message:
        "the pod mounts the default service account's token. Set automountServiceAccountToken: false, or name a service account",
    },
  ];
}

/** Rules of taste in CEL: the API server warns and admits. */
export function adviceRules(): CelRule[] {
  return [
    {
      rule: "read-only-root",
      expression: "variables.own.all(c, c.?securityContext.?readOnlyRootFilesystem.orValue(false))",
      message: "a container of ours can write to its root file system. Set readOnlyRootFilesystem: true",
    },
  ];
}
