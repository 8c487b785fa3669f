import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ClusterKind } from "../../components/local/facts.ts";
import { stopAutomaticLog } from "../lib/automaticLog.ts";
import { ExecError, exec } from "../lib/exec.ts";
import { withLock } from "../lib/lockfile.ts";
import { projectRoot, pulumiHome, stateDir } from "../lib/paths.ts";
import { chooseCluster } from "./chooseCluster.ts";
import { readStackFile, setWorkingConfig, updateWorkingCopy } from "./configCopy.ts";
import { dockerRuns } from "./docker.ts";
import { ensurePassphrase } from "./passphrase.ts";
import {
  type StackName,
  stackStateFile,
  stacks,
  stateBackend,
  trackedConfig,
  workingConfig,
} from "./paths.ts";
import { currentState, usesFileBackend } from "./stateFile.ts";

/**
 * Makes what `pulumi` needs before its first call: state folder, passphrase, working copies of the
 * stack files, the choice of a cluster, and the stacks themselves. Quick when nothing is missing.
 */
export async function prepare(): Promise<void> {
  mkdirSync(stateBackend(), { recursive: true });
  stopAutomaticLog(pulumiHome());
  await withLock(join(stateDir(), "locks", "prepare"), async () => {
    ensurePassphrase();
    for (const stack of stacks) {
      const config = updateWorkingCopy(stack);
      if (stack === "local") await rememberCluster(config);
      await initStack(stack);
    }
  });
}

/** The cluster that the local stack has or will get, for this configuration of it. */
async function clusterFor(config: Readonly<Record<string, unknown>>): Promise<ClusterKind> {
  const configured = config["mlops:cluster"];
  return chooseCluster({
    configured: typeof configured === "string" ? configured : undefined,
    requested: process.env.CLUSTER,
    // Nothing else asks for them, and a backend far away takes its time.
    hasResources: process.env.CLUSTER ? await hasResources() : false,
    dockerRuns,
  });
}

/** Whether the local stack has made anything. */
async function hasResources(): Promise<boolean> {
  try {
    const { resources } = await currentState("local");
    // The stack itself is recorded by an update that was refused too.
    return resources.some(({ type }) => type !== "pulumi:pulumi:Stack");
  } catch (error) {
    // While the tools are being chosen there is no CLI to ask another backend with; it is asked again before an update.
    if (error instanceof ExecError && error.message.endsWith("not found")) return false;
    throw error;
  }
}

/** Groups of tools that the local stack needs on this machine. Needs no tool itself, and changes nothing. */
export async function toolGroups(): Promise<string[]> {
  const file = [workingConfig("local"), trackedConfig("local")].find(existsSync);
  const cluster = await clusterFor(file === undefined ? {} : (readStackFile(file).config ?? {}));
  return cluster === "existing" ? ["core"] : ["core", cluster];
}

async function rememberCluster(config: Readonly<Record<string, unknown>>): Promise<void> {
  const configured = config["mlops:cluster"];
  const cluster = await clusterFor(config);
  // A misspelt value stays, so that the check of the whole configuration reports it.
  if (configured === undefined || process.env.CLUSTER) setWorkingConfig("local", "mlops:cluster", cluster);
}

/** Creates the stack in its backend if it is not there. */
async function initStack(stack: StackName): Promise<void> {
  if (usesFileBackend() && existsSync(stackStateFile(stack))) return;
  try {
    await exec("pulumi", ["stack", "init", stack, "--no-select", "--non-interactive"], { cwd: projectRoot });
  } catch (error) {
    if (error instanceof ExecError && /already exists/.test(error.stderr)) return;
    if (error instanceof ExecError && error.message.endsWith("not found")) {
      throw new Error("pulumi is not installed yet: run `make setup`, then `. ./env` again");
    }
    throw error;
  }
}
