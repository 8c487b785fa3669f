import type { LocalConfig } from "../../config/schema.ts";
import { parseConfig } from "../../config.ts";
import { readStackFile } from "./configCopy.ts";
import { workingConfig } from "./paths.ts";
import { rawConfig } from "./rawConfig.ts";

/**
 * The checked configuration of the local stack, as the program will read it.
 *
 * @throws ConfigError with all problems at once.
 */
export function localConfig(): LocalConfig {
  const file = readStackFile(workingConfig("local"));
  const config = parseConfig(rawConfig(file.config ?? {}), new Set());
  if (config.environment === "local") return config;
  throw new Error(
    `mlops:environment = ${config.environment}: the stack \`local\` must have environment local`,
  );
}
