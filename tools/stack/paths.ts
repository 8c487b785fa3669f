import { join } from "node:path";
import { projectRoot, stateDir } from "../lib/paths.ts";

/** Project name of Pulumi.yaml, part of the file backend's layout. */
export const projectName = "mlops";

export const stacks = ["local", "aws"] as const;
export type StackName = (typeof stacks)[number];

/** The stack file that is in Git, and the working copy that the CLI reads and writes. */
export function trackedConfig(stack: StackName): string {
  return join(projectRoot, `Pulumi.${stack}.yaml`);
}
export function workingConfig(stack: StackName): string {
  return join(stateDir(), "config", `Pulumi.${stack}.yaml`);
}
/** The tracked file as it was when it was last merged into the working copy. */
export function mergedBase(stack: StackName): string {
  return join(stateDir(), "config", "base", `Pulumi.${stack}.yaml`);
}

export function passphraseFile(): string {
  return join(stateDir(), "passphrase");
}

/** Folder of the file backend that is used unless PULUMI_BACKEND_URL says otherwise. */
export function stateBackend(): string {
  return join(stateDir(), "state");
}

/**
 * Address of the file backend in `dir`, as ./env gives it: without files of metadata, which a kill can tear. What
 * means something else in a URL is written as the CLI reads it back; all other characters stay as they are.
 */
export function fileBackendUrl(dir: string): string {
  const path = dir.replaceAll("%", "%25").replaceAll("#", "%23").replaceAll("?", "%3F");
  return `file://${path}?metadata=skip`;
}

/** Value of NODE_OPTIONS under which Node starts the program of a checkout, as ./env has it. */
export function preloadOption(root: string): string {
  // Quoted as JSON is: a backslash before each backslash and quotation mark.
  return `--require=${JSON.stringify(join(root, "tools", "stack", "preload.cjs"))}`;
}

/**
 * Value of PULUMI_OPTION_POLICY_PACK for the pack of a checkout, as ./env has it. The CLI takes it for a line of CSV, and
 * each field of it for another; no checkout has a quotation mark in its path (tools/bootstrap.sh).
 */
export function policyPackOption(root: string): string {
  return `"""${join(root, "policy")}"""`;
}

/** The file backend's state of one stack. */
export function stackStateFile(stack: StackName): string {
  return join(stateBackend(), ".pulumi", "stacks", projectName, `${stack}.json`);
}

/** The file backend's folder of locks on one stack. */
export function stackLockDir(stack: StackName): string {
  return join(stateBackend(), ".pulumi", "locks", "organization", projectName, stack);
}

/** Data folder of this checkout's embedded cluster. */
export function embeddedDir(): string {
  return join(stateDir(), "embedded");
}
