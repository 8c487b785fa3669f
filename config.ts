/**
 * The only reader of pulumi.Config. Everything is read once and checked whole: each problem is
 * reported with its key, its value and what is allowed, before any resource is made.
 */
import * as pulumi from "@pulumi/pulumi";
import { awsTextKeys } from "./config/awsSchema.ts";
import { impossible } from "./config/combinations.ts";
import { explain, misspeltNamespace } from "./config/explain.ts";
import { ConfigError, type ConfigProblem } from "./config/problems.ts";
import { type Config, schema } from "./config/schema.ts";

/** Keys whose values are plain text; all others are JSON (numbers, booleans, lists, objects). */
const textKeys = new Set<string>([
  "environment",
  "size",
  "chartsDir",
  "cluster",
  "kubeconfig",
  "context",
  "imageRegistry",
  "servingImage",
  "dataDir",
  ...awsTextKeys,
]);

/**
 * Checks raw configuration, `mlops:key` to text as the engine hands it over.
 *
 * @throws ConfigError with all problems at once.
 */
export function parseConfig(raw: Readonly<Record<string, string>>, secret: ReadonlySet<string>): Config {
  const problems: ConfigProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(raw)) {
    if (!key.startsWith("mlops:")) {
      const meant = misspeltNamespace(key);
      if (meant !== undefined) {
        problems.push({ key, value: raw[key], message: `unknown namespace; did you mean ${meant}?` });
      }
      continue;
    }
    const short = key.slice("mlops:".length);
    if (textKeys.has(short)) values[short] = text;
    else {
      try {
        values[short] = JSON.parse(text);
      } catch {
        values[short] = text;
      }
    }
  }

  const result = schema.safeParse(values);
  if (!result.success) {
    for (const issue of result.error.issues) problems.push(...explain(issue, values, raw));
  }
  // Not only when the shapes are right: a user should see all problems in one go.
  problems.push(...impossible(values));
  if (problems.length > 0 || !result.success) {
    const isSecret = (key: string): boolean => secret.has(key.split(".")[0] ?? key);
    throw new ConfigError(
      problems.map((each) => (isSecret(each.key) ? { ...each, value: undefined } : each)),
    );
  }
  return result.data;
}

/** Reads and checks this stack's configuration. */
export function readConfig(): Config {
  const raw = pulumi.runtime.allConfig();
  // The SDK keeps its own reader of this variable private.
  const secret = new Set<string>(JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]"));
  return parseConfig(raw, secret);
}
