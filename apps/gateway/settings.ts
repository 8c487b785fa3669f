/** What the environment says; every problem at once. */
import { parseReplicaUrls, type ReplicaSource, type Server } from "@mlops/registry";
import { z } from "zod";

const port = z.coerce.number().int().min(0).max(65535);
const milliseconds = z.coerce.number().int().min(0);
const bytes = z.coerce.number().int().positive();

const replicaUrls = z.string().transform((text, context): ReplicaSource => {
  try {
    return parseReplicaUrls(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
    return z.NEVER;
  }
});

const common = {
  MLOPS_BUCKET_MODEL_REGISTRY: z.string().min(1),
  AWS_REGION: z.string().min(1),
  AWS_ENDPOINT_URL_S3: z.url().optional(),
  MLOPS_LISTEN_HOST: z.string().min(1).default("0.0.0.0"),
  MLOPS_TRITON_URLS: replicaUrls.optional(),
  MLOPS_VLLM_URLS: replicaUrls.optional(),
  /** Folder in which every vLLM replica finds adapters by their served names. */
  MLOPS_VLLM_ADAPTER_DIR: z.string().startsWith("/").default("/adapters"),
  /** `--max-loras` of the vLLM servers. */
  MLOPS_VLLM_SLOTS: z.coerce.number().int().positive().default(4),
  /** The word by which the vLLM servers know the reconciler. */
  MLOPS_VLLM_ADMIN_TOKEN: z.string().min(1).optional(),
  /** Of the `adapters` process on each vLLM replica's host. */
  MLOPS_ADAPTERS_PORT: port.default(8083),
  MLOPS_RECORD_POLL_MS: milliseconds.min(20).default(200),
};

const gatewaySchema = z.object({
  ...common,
  MLOPS_GATEWAY_PORT: port.default(8080),
  MLOPS_GATEWAY_ADMIN_PORT: port.default(8081),
  MLOPS_TRITON_TIMEOUT_MS: milliseconds.min(1).default(30_000),
  MLOPS_VLLM_TIMEOUT_MS: milliseconds.min(1).default(300_000),
  /** How long a request waits for a replica with its version. */
  MLOPS_GATEWAY_WAIT_MS: milliseconds.default(10_000),
  MLOPS_GATEWAY_BODY_KEPT: bytes.default(1 << 20),
  MLOPS_GATEWAY_BODY_MAX: bytes.default(64 << 20),
  MLOPS_GATEWAY_MAX_IN_FLIGHT: z.coerce.number().int().positive().default(2_000),
  /** How long it goes on serving after SIGTERM while load balancers notice. */
  MLOPS_GATEWAY_NOTICE_MS: milliseconds.default(5_000),
  /** How long requests under way may take to end after that. */
  MLOPS_GATEWAY_DRAIN_MS: milliseconds.default(30_000),
});

const reconcilerSchema = z.object({
  ...common,
  MLOPS_RECONCILER_PORT: port.default(8082),
  MLOPS_GATEWAY_ADMIN_URLS: replicaUrls,
});

const adaptersSchema = z.object({
  ...common,
  MLOPS_VLLM_URLS: replicaUrls,
  /** Size of the largest version that is taken; a file is held in memory on its way. */
  MLOPS_ADAPTERS_MAX_BYTES: bytes.default(512 << 20),
  /** How long a version stays after nobody needs it. */
  MLOPS_ADAPTERS_KEEP_MS: milliseconds.default(600_000),
});

export type AdaptersSettings = z.infer<typeof adaptersSchema>;
export type GatewaySettings = z.infer<typeof gatewaySchema>;
export type ReconcilerSettings = z.infer<typeof reconcilerSchema>;
export type Settings = GatewaySettings | ReconcilerSettings | AdaptersSettings;

/** A bad environment. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/** @throws SettingsError listing every variable that is missing or wrong. */
export function gatewaySettings(environment: NodeJS.ProcessEnv): GatewaySettings {
  return read(gatewaySchema, environment);
}

/** @throws SettingsError listing every variable that is missing or wrong. */
export function reconcilerSettings(environment: NodeJS.ProcessEnv): ReconcilerSettings {
  return read(reconcilerSchema, environment);
}

/** @throws SettingsError listing every variable that is missing or wrong. */
export function adaptersSettings(environment: NodeJS.ProcessEnv): AdaptersSettings {
  return read(adaptersSchema, environment);
}

function read<T extends Settings>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const parsed = schema.safeParse(environment);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `  ${path.join(".")}: ${message}`);
  // One that nobody can be asked through is a mistake, and not a gateway without models.
  const { MLOPS_TRITON_URLS, MLOPS_VLLM_URLS } = environment;
  if (!MLOPS_TRITON_URLS && !MLOPS_VLLM_URLS) {
    problems.push("  MLOPS_TRITON_URLS, MLOPS_VLLM_URLS: at least one must be set");
  }
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new SettingsError(`the environment is not complete:\n${problems.join("\n")}`);
}

/** The servers that the environment names. */
export function sourcesOf(
  settings: Pick<Settings, "MLOPS_TRITON_URLS" | "MLOPS_VLLM_URLS">,
): Partial<Record<Server, ReplicaSource>> {
  const { MLOPS_TRITON_URLS: triton, MLOPS_VLLM_URLS: vllm } = settings;
  return { ...(triton === undefined ? {} : { triton }), ...(vllm === undefined ? {} : { vllm }) };
}
