/** The environment of a step, from the ConfigMap `platform` and the Secrets that its template names. */
import { tritonBackends } from "@mlops/registry";
import { z } from "zod";
import { InputError } from "./errors.ts";

const text = z.string().min(1);

/** Paths are added to it, and it stands in errors and logs: so it has neither a query nor credentials. */
const baseUrl = z.url({ protocol: /^https?$/ }).refine(
  (url) => {
    const { username, password, search, hash } = new URL(url);
    return [username, password, search, hash].every((part) => part === "");
  },
  { error: "must be a URL without credentials, query and fragment" },
);
/** What a header can hold; a Secret made from a file ends in a line's end. */
const bearerToken = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");

const variables = {
  MLFLOW_TRACKING_URI: z.url({ protocol: /^https?$/ }),
  AWS_ENDPOINT_URL_S3: z.url({ protocol: /^https?$/ }),
  AWS_REGION: text,
  MLOPS_BUCKET_MODEL_REGISTRY: text,
  MLOPS_KEPT_VERSIONS: z.coerce.number().pipe(z.int().min(0).max(1000)),
  MLOPS_TRITON_URLS: text,
  MLOPS_TRITON_BACKEND: z.enum(tritonBackends),
  MLOPS_VLLM_URLS: text,
  MLOPS_LLM_BASE_MODEL: text,
  MLOPS_LLM_BASE_REVISION: text,
  MLOPS_GATEWAY_URL: z.url({ protocol: /^https?$/ }),
  MLOPS_GATEWAY_ADMIN_URLS: text,
  MLOPS_RECONCILER_URL: z.url({ protocol: /^https?$/ }),
  MLOPS_IO_ROOT: text,
  MLOPS_NOTIFY_URL: z.url({ protocol: /^https?$/ }),
  MLOPS_NOTIFY_FORMAT: z.enum(["slack", "discord"]),
  MLOPS_JUDGE_URL: baseUrl,
  MLOPS_JUDGE_MODEL: text,
  MLOPS_JUDGE_API_KEY: bearerToken,
  MLOPS_WORKFLOW: text,
  MLOPS_STEP: text,
} as const;

export type Variable = keyof typeof variables;

/** Variables that may hold a secret in their value: it is not repeated in errors. */
const secret: readonly Variable[] = ["MLOPS_NOTIFY_URL", "MLOPS_JUDGE_URL", "MLOPS_JUDGE_API_KEY"];

/** Reads variables as they are needed, so that a step asks for no more than it uses. */
export class Environment {
  readonly #variables: NodeJS.ProcessEnv;

  constructor(values: NodeJS.ProcessEnv) {
    this.#variables = values;
  }

  /**
   * The variable, or undefined if it is not set or empty.
   *
   * @throws InputError if it is set to something that it cannot be.
   */
  optional<Name extends Variable>(name: Name): z.infer<(typeof variables)[Name]> | undefined {
    const value = this.#variables[name];
    if (value === undefined || value === "") return undefined;
    const parsed = variables[name].safeParse(value);
    if (parsed.success) return parsed.data as z.infer<(typeof variables)[Name]>;
    const shown = secret.includes(name) ? "its value" : `"${value}"`;
    throw new InputError(
      `environment variable ${name}: ${shown} cannot be: ${z.prettifyError(parsed.error)}`,
    );
  }

  /** @throws InputError if the variable is missing or cannot be. */
  required<Name extends Variable>(name: Name): z.infer<(typeof variables)[Name]> {
    const value = this.optional(name);
    if (value !== undefined) return value;
    throw new InputError(
      `environment variable ${name} is not set; in the pipelines namespace the ConfigMap "platform" sets it`,
    );
  }
}
