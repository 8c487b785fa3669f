import { z } from "zod";
import { referenceOf } from "../images/images.ts";
import { textAt } from "../json.ts";
import type { PodTemplate } from "../pods/podTemplate.ts";
import type { Context } from "../types.ts";

/** Privileges that a system workload may need. */
export const privileges = ["privileged", "hostPath", "hostNamespaces", "capabilities"] as const;
export type Privilege = (typeof privileges)[number];

/**
 * The named workloads that may touch the node. They are known by the images that they run, because anyone can
 * choose a name, and only in the platform's own namespaces.
 */
export const systemWorkloadKnobs = z.object({
  systemWorkloads: z
    .array(
      z.object({
        name: z.string(),
        repositories: z.array(z.string()),
        privileges: z.array(z.enum(privileges)),
      }),
    )
    .default([
      {
        name: "node exporter",
        repositories: ["quay.io/prometheus/node-exporter"],
        privileges: ["hostPath", "hostNamespaces"],
      },
      {
        name: "NVIDIA device plugin",
        repositories: ["nvcr.io/nvidia/k8s-device-plugin"],
        privileges: ["privileged", "hostPath", "capabilities"],
      },
      {
        name: "DCGM exporter",
        repositories: ["nvcr.io/nvidia/k8s/dcgm-exporter"],
        privileges: ["privileged", "hostPath", "capabilities"],
      },
      {
        name: "EBS CSI driver",
        repositories: [
          "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver",
          "public.ecr.aws/csi-components/csi-node-driver-registrar",
          "public.ecr.aws/csi-components/livenessprobe",
        ],
        privileges: ["privileged", "hostPath", "hostNamespaces"],
      },
    ])
    .describe(
      "Workloads of the platform that keep privileges, each by all the image repositories it may run",
    ),
});

export type SystemWorkloadKnobs = z.output<typeof systemWorkloadKnobs>;

/** True when a pod is a system workload that keeps a privilege. */
export function keepsPrivilege(
  object: unknown,
  pod: PodTemplate,
  privilege: Privilege,
  { systemNamespaces }: Context,
  { systemWorkloads }: SystemWorkloadKnobs,
): boolean {
  if (!systemNamespaces.includes(textAt(object, "metadata", "namespace") ?? "")) return false;
  const repositories = pod.containers.map(({ value }) => referenceOf(value.image)?.repository);
  return systemWorkloads.some(
    (workload) =>
      workload.privileges.includes(privilege) &&
      repositories.every(
        (repository) => repository !== undefined && workload.repositories.includes(repository),
      ),
  );
}
