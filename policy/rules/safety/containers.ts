import { z } from "zod";
import { referenceOf } from "../images/images.ts";
import { liesIn } from "../images/reference.ts";
import { isEmpty, isObject, valueAt } from "../json.ts";
import { podsOf } from "../pods/pods.ts";
import type { Container, PodTemplate } from "../pods/podTemplate.ts";
import { parseQuantity } from "../quantity.ts";
import { defineRule } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Context, JsonObject, Rule } from "../types.ts";

const resources = ["requests.cpu", "requests.memory", "limits.cpu", "limits.memory"] as const;

export const resourceKnobs = z.object({
  required: z
    .array(z.enum(resources))
    .default(["requests.cpu", "requests.memory", "limits.memory"])
    .describe("What each container must state; a limit alone is also its request"),
});

const containerResources = defineRule({
  name: "container-resources",
  description:
    "Every container requests cpu and memory and limits its memory, so that it can be placed and contained.",
  level: "mandatory",
  target: "kubernetes",
  knobs: resourceKnobs,
  check: (object, _context, { required }) =>
    podsOf(object)
      .flatMap(({ containers }) => containers)
      // The API has no resources for ephemeral containers.
      .filter(({ role }) => role !== "ephemeral")
      .flatMap((container) =>
        required
          .filter((name) => !states(container, name))
          .map((name) => ({
            path: [...container.path, "resources", ...name.split(".")],
            message: `container ${container.label} has no ${name}`,
            fix: `set resources.${name}`,
          })),
      ),
});

/** A request of 0 asks for nothing, and a limit of 0 is none. */
function states({ value }: Container, name: (typeof resources)[number]): boolean {
  const [list, resource] = name.split(".") as [string, string];
  const limit = valueAt(value, "resources", "limits", resource);
  const stated = valueAt(value, "resources", list, resource) ?? (list === "requests" ? limit : undefined);
  return isRunTimeValue(stated) || (parseQuantity(stated) ?? 0) > 0;
}

/** Containers whose image we built ourselves, so that we can hold them to more. */
function ownContainers(pod: PodTemplate, { registries }: Context): Container[] {
  return pod.containers.filter(({ value }) => {
    const image = referenceOf(value.image);
    return image !== undefined && registries.own.some((entry) => liesIn(image.repository, entry));
  });
}

const runAsNonRoot = defineRule({
  name: "run-as-non-root",
  description: "Containers of images that we built do not run as root.",
  level: "mandatory",
  target: "kubernetes",
  check: (object, context) =>
    podsOf(object).flatMap((pod) =>
      ownContainers(pod, context)
        .filter(({ value }) => runsAsRoot(pod, value))
        .map(({ path, label }) => ({
          path: [...path, "securityContext", "runAsNonRoot"],
          message: `container ${label} may run as root`,
          fix: "set runAsNonRoot: true for the pod or the container, and no runAsUser: 0",
        })),
    ),
});

/** The container's own setting wins over its pod's. */
function runsAsRoot(pod: PodTemplate, container: JsonObject): boolean {
  const setting = (field: string): unknown =>
    valueAt(container, "securityContext", field) ?? valueAt(pod.spec, "securityContext", field);
  return setting("runAsNonRoot") !== true || setting("runAsUser") === 0;
}

const readOnlyRoot = defineRule({
  name: "read-only-root",
  description: "Containers of images that we built keep their root file system read-only.",
  level: "advisory",
  target: "kubernetes",
  check: (object, context) =>
    podsOf(object).flatMap((pod) =>
      ownContainers(pod, context)
        .filter(({ value }) => valueAt(value, "securityContext", "readOnlyRootFilesystem") !== true)
        .map(({ path, label }) => ({
          path: [...path, "securityContext", "readOnlyRootFilesystem"],
          message: `container ${label} can write to its root file system`,
          fix: "set readOnlyRootFilesystem: true and mount an emptyDir where it writes",
        })),
    ),
});

const serviceAccountToken = defineRule({
  name: "service-account-token",
  description: "A pod that names no service account of its own mounts no token of the default one.",
  level: "remediate",
  target: "kubernetes",
  check: (object) =>
    podsOf(object)
      .filter(({ spec }) => mountsDefaultToken(spec))
      .map(({ at }) => ({
        path: at("automountServiceAccountToken"),
        message: "the pod mounts the default service account's token",
        fix: "set automountServiceAccountToken: false, or name a service account",
      })),
  remediate: (object) =>
    podsOf(object)
      .filter(({ spec, path, kind }) => {
        // An explicit true is someone's wish, and Argo reports results with its pods' token: reported, not mended.
        const mendable = !kind.startsWith("argoproj.io/") && isEmpty(spec.automountServiceAccountToken);
        return mendable && isObject(valueAt(object, ...path)) && mountsDefaultToken(spec);
      })
      .map(({ at }) => ({ path: at("automountServiceAccountToken"), value: false })),
});

function mountsDefaultToken(spec: JsonObject): boolean {
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  return (isEmpty(account) || account === "default") && spec.automountServiceAccountToken !== false;
}

/** Rules on what containers state about themselves. */
export const containerRules: readonly Rule[] = [
  containerResources,
  runAsNonRoot,
  readOnlyRoot,
  serviceAccountToken,
];
