import { existsSync } from "node:fs";
import { readStackFile } from "../stack/configCopy.ts";
import { trackedConfig, workingConfig } from "../stack/paths.ts";

/** The aws stack's configuration, `mlops:key` to value: the working copy where there is one. */
export function stackConfig(): Readonly<Record<string, unknown>> {
  const file = [workingConfig("aws"), trackedConfig("aws")].find(existsSync);
  return file === undefined ? {} : (readStackFile(file).config ?? {});
}

/** What has to be configured for an account, and changes nothing about what a rehearsal shows. */
const examples: Readonly<Record<string, unknown>> = {
  "mlops:accountId": "123456789012",
  "mlops:owner": "owner@example.com",
  // Of a block that is reserved for documentation.
  "mlops:api": { publicAccessCidrs: ["203.0.113.0/24"] },
};

/** Examples for the keys that are not set yet: a rehearsal is for those who have no account too. */
export function assumed(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(examples).filter(([key]) => config[key] === undefined));
}
