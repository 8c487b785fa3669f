/**
 * What the aws stack needs of an account (after `. ./env`):
 *
 *   doctor   check plugins, command line, Kubernetes version, credentials, region, instance types and GPU
 *            quota; exit status 1 if something is missing
 *   plugins  download the Pulumi plugins that only the aws stack needs
 *   backend  make a bucket and a key for a team's states, and say how to use them
 */

import type { AwsConfig } from "../../config/schema.ts";
import { parseConfig } from "../../config.ts";
import { tableLines } from "../charts/table.ts";
import { createLog } from "../lib/log.ts";
import { stackConfig } from "../rehearse/config.ts";
import { rawConfig } from "../stack/rawConfig.ts";
import { askAws, cliVersion } from "./ask.ts";
import { backendSteps, createBackend } from "./backend.ts";
import { cliFinding, diagnoseAws, supportFinding } from "./doctor.ts";
import { installAwsPlugins, pluginFindings } from "./plugins.ts";

function configured(): AwsConfig {
  const config = parseConfig(rawConfig(stackConfig()), new Set());
  if (config.environment !== "aws") throw new Error("the stack `aws` must have mlops:environment aws");
  return config;
}

async function doctor(): Promise<number> {
  const cli = cliFinding(await cliVersion());
  const config = configured();
  const asked = cli.state === "ok" ? await diagnoseAws(askAws(config.region), config) : [];
  const findings = [...pluginFindings(), cli, supportFinding(config, new Date()), ...asked];
  const rows = findings.map(({ state, name, wanted, found, hint }) => [state, name, wanted, found, hint]);
  console.log(tableLines(["", "what", "wanted", "found", "what to do"], rows).join("\n"));
  const missing = findings.filter(({ state }) => state === "missing").map(({ name }) => name);
  if (missing.length === 0) return 0;
  console.error(`\nthe aws stack cannot come up without: ${missing.join(", ")}`);
  return 1;
}

async function backend(): Promise<number> {
  const config = configured();
  const log = createLog();
  const made = await createBackend(askAws(config.region), config, (step) => log.info(step));
  console.log(`states of a team are kept in s3://${made.bucket}. To use it, once and in each shell:`);
  for (const step of backendSteps(made)) console.log(`  ${step}`);
  return 0;
}

async function plugins(): Promise<number> {
  const log = createLog();
  await installAwsPlugins((plugin) => log.info(`download Pulumi plugin ${plugin}`));
  return 0;
}

const commands: Readonly<Record<string, () => Promise<number>>> = { doctor, plugins, backend };
const command = commands[process.argv[2] ?? ""];
try {
  if (command === undefined)
    throw new Error(`usage: node tools/aws/cli.ts ${Object.keys(commands).join(" | ")}`);
  process.exitCode = await command();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
