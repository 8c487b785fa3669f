import { readFileSync } from "node:fs";
import { z } from "zod";

const labelKey = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

const quantity = z
  .union([z.number().positive(), z.string()])
  .transform(String)
  .refine((text) => /^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.test(text), {
    error: "must be a Kubernetes quantity such as 4, 3920m or 16Gi",
  });

const nodeGroupSchema = z.strictObject({
  /** Name of the node, or with `count` the stem of their names: `NAME-0`, `NAME-1`, ... */
  name: z
    .string()
    .max(57)
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "must be a DNS name in lower case"),
  /** How many equal nodes; 0 keeps the group in the description with no node. */
  count: z.int().min(0).max(1000).optional(),
  /** What the node is. A real kubelet would be another kind. */
  kind: z.enum(["simulated"]).default("simulated"),
  labels: z
    .record(
      z.string().regex(labelKey, "must be a label key"),
      z.string().max(63).regex(labelValue, "must be a label value"),
    )
    .default({}),
  taints: z
    .array(
      z.strictObject({
        key: z.string().regex(labelKey, "must be a taint key"),
        value: z.string().regex(labelValue, "must be a taint value").optional(),
        effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
      }),
    )
    .default([]),
  /** Allocatable CPUs. */
  cpu: quantity.default("4"),
  /** Allocatable memory. */
  memory: quantity.default("16Gi"),
  /** Allocatable ephemeral storage. */
  storage: quantity.default("100Gi"),
  /** Most pods that the node takes. */
  pods: z.int().min(1).max(10_000).default(110),
  /** GPUs, declared as `nvidia.com/gpu`. */
  gpus: z.int().min(0).max(64).default(0),
  /** CPU architecture, as `kubernetes.io/arch`. */
  arch: z.enum(["amd64", "arm64"]).default("amd64"),
  /** Cloud instance type, as `node.kubernetes.io/instance-type`. */
  instanceType: z.string().max(63).regex(labelValue, "must be a label value").optional(),
});

/**
 * Description of a cluster's nodes: a JSON array of groups of equal nodes. Only `name` is required; see
 * nodeGroupSchema for the fields and their defaults.
 */
export const nodeDescriptionSchema = z
  .array(nodeGroupSchema)
  .min(1, "must describe at least one node group")
  .superRefine((groups, context) => {
    const names = groups.flatMap(nodeNames);
    const twice = names.filter((name, index) => names.indexOf(name) !== index);
    for (const name of new Set(twice)) {
      context.addIssue({ code: "custom", message: `two nodes would be called ${name}` });
    }
  });

export type NodeGroup = z.infer<typeof nodeGroupSchema>;
export type NodeDescription = z.infer<typeof nodeDescriptionSchema>;
/** A description as a person writes it, defaults left out. */
export type NodeDescriptionInput = z.input<typeof nodeDescriptionSchema>;

/** Names of the nodes of a group. */
export function nodeNames(group: { readonly name: string; readonly count?: number | undefined }): string[] {
  if (group.count === undefined) return [group.name];
  return Array.from({ length: group.count }, (_, index) => `${group.name}-${index}`);
}

/**
 * One server and three agents, two of which train with one GPU each and one serves, each the size of a
 * laptop's share: 4 CPUs and 16 GiB. The two GPUs are of the two accelerator classes, so that pods that
 * ask for either find one. GPU nodes carry no taint: a laptop has too few nodes to keep two for GPU pods.
 */
export const defaultNodes: NodeDescription = nodeDescriptionSchema.parse([
  { name: "mlops-server-0", labels: { "node-role.kubernetes.io/control-plane": "true" } },
  {
    name: "mlops-agent-0",
    labels: { "node-role": "training", "mlops.dev/accelerator": "t4" },
    gpus: 1,
  },
  {
    name: "mlops-agent-1",
    labels: { "node-role": "training", "mlops.dev/accelerator": "l4" },
    gpus: 1,
  },
  { name: "mlops-agent-2", labels: { "node-role": "inference" } },
] satisfies NodeDescriptionInput);

/**
 * Checks a description.
 *
 * @throws Error listing every problem with its place in the description.
 */
export function parseNodeDescription(value: unknown, source: string): NodeDescription {
  const parsed = nodeDescriptionSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`${source} is not a description of nodes:\n${z.prettifyError(parsed.error)}`);
}

/** Reads and checks a description file; throws an Error naming the file and every problem. */
export function readNodeDescription(file: string): NodeDescription {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`cannot read the nodes' description ${file}: ${(error as Error).message}`);
  }
  return parseNodeDescription(value, file);
}
