import { z } from "zod";
import { asText, listAt, type Path, valueAt } from "../json.ts";
import { patternKnob } from "../patternKnob.ts";
import { podsOf } from "../pods/pods.ts";
import type { PodTemplate } from "../pods/podTemplate.ts";
import { parseQuantity } from "../quantity.ts";
import { deferral, defineRule, type Issue } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Rule } from "../types.ts";
import { aimKnobs, aimsOf } from "./aim.ts";
import { claimOf, claimsOf, isRunTimeClaim, type ResourceClaim } from "./allocation.ts";

const gpuRequest = defineRule({
  name: "gpu-request",
  description:
    "A pod aimed at an accelerator asks for a GPU in a container that runs, not in an init container only.",
  level: "mandatory",
  target: "kubernetes",
  knobs: aimKnobs,
  check: (object, context, knobs) =>
    podsOf(object).flatMap((pod): Issue[] => {
      const aim = aimsOf(pod, context, knobs)[0];
      if (aim === undefined) return [];
      const { resource } = context.accelerators;
      const claims = claimsOf(pod, resource);
      if (claims.some(({ container }) => container.role === "main" || container.role === "sidecar"))
        return [];
      const fix = `set resources.limits["${resource}"] to a whole number above 0, or remove what aims the pod at GPU nodes`;
      const but =
        claims.length === 0 ? `no container asks for ${resource}` : "only an init container asks for one";
      return [
        { path: firstContainer(pod), message: `the pod is aimed at a GPU (${aim.what}) but ${but}`, fix },
      ];
    }),
});

function firstContainer({ containers, path }: PodTemplate): Path {
  const container = containers.find(({ role }) => role === "main");
  return container === undefined ? path : [...container.path, "resources"];
}

const gpuQuantity = defineRule({
  name: "gpu-quantity",
  description: "GPUs are asked for in whole numbers, with a limit, and the request equals the limit.",
  level: "mandatory",
  target: "kubernetes",
  check: (object, { accelerators: { resource } }) =>
    podsOf(object).flatMap((pod) =>
      claimsOf(pod, resource).flatMap((claim) => {
        if (isRunTimeClaim(claim))
          return [deferral(claim.path, `how many GPUs container ${claim.container.label} asks for`)];
        const because = wrongBecause(claim);
        if (because === undefined) return [];
        const message = `container ${claim.container.label} ${because}`;
        return [
          {
            path: claim.path,
            message,
            fix: `set limits["${resource}"] to a whole number above 0 and leave the request out`,
          },
        ];
      }),
    ),
});

function wrongBecause({ limit, request }: ResourceClaim): string | undefined {
  if (limit === undefined) return "asks for GPUs without a limit";
  const [asked, limited] = [parseQuantity(request), parseQuantity(limit)];
  if (asked === undefined || limited === undefined)
    return `asks for ${asText(limit)} GPUs, which is no quantity`;
  if (asked !== limited) return `asks for ${asText(request)} GPUs but is limited to ${asText(limit)}`;
  if (limited < 0 || !Number.isInteger(limited))
    return `asks for ${asText(limit)} GPUs, which is no whole number above 0`;
  return undefined;
}

export const resourceNameKnobs = z.object({
  others: patternKnob
    .default(
      "^(?:nvidia\\.com/(?:gpu|mig-).*|amd\\.com/gpu.*|gpu\\.intel\\.com/.*|aws\\.amazon\\.com/neuron.*)$",
    )
    .describe("Pattern of accelerator resources that no quota counts"),
});

const gpuResourceName = defineRule({
  name: "gpu-resource-name",
  description:
    "GPUs are asked for by the one resource that quotas count; no slices, other vendors or resource claims.",
  level: "mandatory",
  target: "kubernetes",
  knobs: resourceNameKnobs,
  check: (object, { accelerators: { resource } }, { others }) =>
    podsOf(object).flatMap((pod) => {
      const isOther = new RegExp(others);
      const fix = `ask for ${resource}`;
      const byName = pod.containers.flatMap((container) =>
        resourceNames(container.value)
          .filter((name) => name !== resource && isOther.test(name))
          .flatMap((name) => claimOf(container, name) ?? [])
          .map(({ path }) => ({
            path,
            message: `container ${container.label} asks for a GPU by a name that no quota counts`,
            fix,
          })),
      );
      const claims = listAt(pod.spec, "resourceClaims").map((_claim, index) => ({
        path: pod.at("resourceClaims", index),
        message: "a resource claim hands out devices that no quota counts",
        fix,
      }));
      return [...byName, ...claims];
    }),
});

function resourceNames(container: unknown): string[] {
  const names = ["limits", "requests"].flatMap((list) =>
    Object.keys(valueAt(container, "resources", list) ?? {}),
  );
  return [...new Set(names)];
}

const gpuCpuMemory = defineRule({
  name: "gpu-cpu-memory",
  description: "A container that asks for a GPU also requests cpu and memory, so that it can feed the GPU.",
  level: "mandatory",
  target: "kubernetes",
  check: (object, { accelerators: { resource } }) =>
    podsOf(object).flatMap((pod) =>
      claimsOf(pod, resource).flatMap(({ container }) =>
        ["cpu", "memory"].flatMap((companion) => {
          const claim = claimOf(container, companion);
          const amount = parseQuantity(claim?.request);
          if (isRunTimeValue(claim?.request) || (amount !== undefined && amount > 0)) return [];
          const path = [...container.path, "resources", "requests", companion];
          return [
            {
              path,
              message: `container ${container.label} asks for a GPU but no ${companion}`,
              fix: `set resources.requests.${companion}`,
            },
          ];
        }),
      ),
    ),
});

/** Rules on how a GPU is asked for. */
export const gpuRequestRules: readonly Rule[] = [gpuRequest, gpuQuantity, gpuResourceName, gpuCpuMemory];
