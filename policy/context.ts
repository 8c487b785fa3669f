import { z } from "zod";
import { rules, stackRules } from "./rules/catalog.ts";
import type { Context } from "./rules/types.ts";

const registry = z
  .string()
  .regex(
    /^[a-z0-9.-]+(?::[0-9]+)?(?:\/[a-z0-9._-]+)*$/,
    "a registry is host[:port][/path] in lower case, without a scheme",
  );

const namespaceFacts = z.strictObject({
  gpuQuota: z.int().min(0),
  maximumGpus: z.int().min(0),
});

/** What a context file may say; all of it has a default. */
const contextSchema = z.strictObject({
  stack: z.enum(["local", "aws"]).default("local"),
  namespaces: z.record(z.string(), namespaceFacts).optional(),
  systemNamespaces: z.array(z.string()).default([]),
  registries: z
    .strictObject({
      own: z.array(registry).default([]),
      allowed: z
        .array(registry)
        .default([
          "docker.io",
          "ecr-public.aws.com",
          "gcr.io",
          "ghcr.io",
          "nvcr.io",
          "public.ecr.aws",
          "quay.io",
          "registry.k8s.io",
        ]),
    })
    .prefault({}),
  chartRepositories: z
    .array(z.string())
    .default([
      "https://argoproj.github.io/argo-helm",
      "https://aws.github.io/eks-charts",
      "https://charts.external-secrets.io",
      "https://charts.min.io",
      "https://community-charts.github.io/helm-charts",
      "https://grafana.github.io/helm-charts",
      "https://kedacore.github.io/charts",
      "https://kubernetes.github.io/autoscaler",
      "https://nvidia.github.io/dcgm-exporter",
      "https://nvidia.github.io/k8s-device-plugin",
      "https://opencost.github.io/opencost-helm-chart",
      "https://ray-project.github.io/kuberay-helm",
      "https://vllm-project.github.io/production-stack",
      "oci://ghcr.io/grafana-community/helm-charts",
      "oci://ghcr.io/prometheus-community/charts",
      "oci://ghcr.io/run-ai/fake-gpu-operator",
      "oci://quay.io/jetstack/charts",
      "oci://registry.k8s.io/kueue/charts",
    ]),
  accelerators: z
    .strictObject({
      resource: z.string().default("nvidia.com/gpu"),
      taint: z.string().default("nvidia.com/gpu"),
      label: z.string().default("mlops.dev/accelerator"),
      classes: z.array(z.string()).default(["l4", "t4"]),
    })
    .prefault({}),
  labels: z
    .strictObject({
      owner: z.string().default("mlops.dev/owner"),
      queue: z.string().default("mlops.dev/queue"),
    })
    .prefault({}),
  tags: z.record(z.string(), z.string()).default({}),
  knobs: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
});

/** What a context may be made of; everything has a default. */
export type ContextInput = z.input<typeof contextSchema>;

/**
 * Makes a context from what a file or a caller states, with defaults for the rest. Throws an Error that lists
 * every wrong value, settings of rules included.
 */
export function createContext(stated: unknown = {}): Context {
  const parsed = contextSchema.safeParse(stated);
  if (!parsed.success) throw new Error(`wrong context:\n${z.prettifyError(parsed.error)}`);
  const { namespaces, ...rest } = parsed.data;
  const context: Context = { ...rest, ...(namespaces && { namespaces }) };
  const known = new Map([...rules, ...stackRules].map((rule) => [rule.name, rule]));
  const problems = Object.keys(context.knobs).flatMap((name) => {
    const rule = known.get(name);
    return rule === undefined ? [`  no rule is called ${name}`] : rule.problemsWithKnobs(context);
  });
  if (problems.length > 0) throw new Error(`wrong settings of rules:\n${problems.join("\n")}`);
  return context;
}
