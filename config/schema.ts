/** What a stack can be configured with: shapes, ranges and defaults. Pulumi.yaml describes the keys. */
import { z } from "zod";
import { clusterKinds } from "../components/local/facts.ts";
import { sizes } from "../components/target.ts";
import { awsShape } from "./awsSchema.ts";

const name = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, "a DNS label: lower case letters, digits, '-', at most 40");
const quantityWords = "a Kubernetes quantity such as 4, 500m or 16Gi";
/** Not zero: Kubernetes would take it and run nothing. `pulumi config set --path` makes numbers of digits. */
const quantity = z.preprocess(
  (value) => (typeof value === "number" ? String(value) : value),
  z.string(quantityWords).regex(/^(?=.*[1-9])\d+(\.\d+)?(m|k|[MGT]|[KMGT]i)?$/, `${quantityWords}, above 0`),
);
const labelKey = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/,
    "a Kubernetes label key",
  );
const labelValue = z
  .string()
  .regex(
    /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/,
    "a Kubernetes label value: letters, digits, '-', '_', '.', at most 63",
  );
/** Loopback ports of the host that a k3d cluster takes unless configured otherwise. */
export const defaultPorts = { ingress: 8080, registry: 5555 };

const port = z.number().int().min(1024).max(65535);

export const team = z.strictObject({
  name,
  gpus: z.number().int().min(0).max(1024).default(0),
  cpu: quantity.default("4"),
  memory: quantity.default("8Gi"),
});

export const node = z.strictObject({
  name,
  role: z.enum(["server", "agent"]),
  labels: z.record(labelKey, labelValue).default({}),
  cpu: z.number().int().min(1),
  memory: quantity,
  accelerator: z.enum(["l4", "t4"]).optional(),
  gpus: z.number().int().min(0).max(16).default(0),
});

const gitops = z.strictObject({
  repository: z.string().regex(/^(https:\/\/|ssh:\/\/|git@)\S+$/, "an https://, ssh:// or git@ repository"),
  revision: z.string().min(1).default("main"),
  path: z.string().min(1).default("gitops"),
});

const llm = z.strictObject({
  enabled: z.boolean().default(true),
  model: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, "a model as owner/name")
    .optional(),
  revision: z
    .string()
    .regex(/^[0-9a-f]{40}$/, "a commit of the model's repository: 40 hexadecimal digits")
    .optional(),
});

/** A tag of digits only comes as a number out of structured values. */
const pinned = z.preprocess(
  (value) => (Number.isSafeInteger(value) ? String(value) : value),
  z
    .string()
    .regex(/^[\w][\w.-]*(@sha256:[0-9a-f]{64})?$/, "a tag, with the digest after it: 1.2.3@sha256:..."),
);

const registry = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
    "a registry as images name it, without a scheme: registry.example.com/mlops",
  );

/** Tag, and on AWS digest, of each image that pipelines' steps run in. */
const stepImages = z.strictObject({ training: pinned, deployment: pinned, benchmark: pinned });

const common = {
  size: z.enum(sizes).default("small"),
  chartsDir: z.string().min(1).default(".mlops/charts"),
  teams: z.array(team).default([{ name: "team-a", gpus: 2, cpu: "8", memory: "16Gi" }]),
  gitops: gitops.optional(),
  llm: llm.default({ enabled: true }),
  stepImages: stepImages.optional(),
  /** Of the gateway and the reconciler; pinned like those of the steps. */
  servingImage: pinned.optional(),
  /** Versions of a served model whose files stay, besides those that its record names. */
  keptVersions: z.int().min(0).max(1000).optional(),
};

export const local = z.strictObject({
  environment: z.literal("local"),
  ...common,
  cluster: z.enum(clusterKinds),
  nodes: z.array(node).min(1),
  kubeconfig: z.string().min(1).optional(),
  context: z.string().min(1).optional(),
  imageRegistry: registry.optional(),
  ingressPort: port.default(defaultPorts.ingress),
  registryPort: port.default(defaultPorts.registry),
  dataDir: z.string().min(1).default(".mlops/k3d"),
});

export const aws = z.strictObject({
  environment: z.literal("aws"),
  ...common,
  ...awsShape,
});

export const schema = z.discriminatedUnion("environment", [local, aws]);

export type LocalConfig = z.infer<typeof local>;
export type AwsConfig = z.infer<typeof aws>;
/** The checked configuration: what the stack wants, with every default filled in. */
export type Config = LocalConfig | AwsConfig;
export type LocalNode = z.infer<typeof node>;
export type Team = z.infer<typeof team>;
