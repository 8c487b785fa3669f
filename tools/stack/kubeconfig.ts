import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { handoverFile, readHandover } from "../embedded/handover.ts";
import { exec } from "../lib/exec.ts";
import { stateDir } from "../lib/paths.ts";
import { readStackFile } from "./configCopy.ts";
import { existingKubeconfig } from "./existingKubeconfig.ts";
import { embeddedDir, workingConfig } from "./paths.ts";
import type { StackState } from "./stateFile.ts";

/** Where tools find the local stack's cluster, without a finished `up`. */
export interface ClusterAccess {
  readonly kubeconfig: string;
  readonly context: string | undefined;
}

/** Arguments that point kubectl or helm at the cluster. */
export function accessArgs(tool: "kubectl" | "helm", access: ClusterAccess): string[] {
  const contextFlag = tool === "helm" ? "--kube-context" : "--context";
  return [
    "--kubeconfig",
    access.kubeconfig,
    ...(access.context === undefined ? [] : [contextFlag, access.context]),
  ];
}

/** Access to the local stack's cluster, or undefined when there is no cluster (any more). */
export async function clusterAccess(state: StackState): Promise<ClusterAccess | undefined> {
  const config = readStackFile(workingConfig("local")).config ?? {};
  const text = (key: string): string | undefined =>
    typeof config[key] === "string" ? (config[key] as string) : undefined;
  switch (config["mlops:cluster"]) {
    case "embedded":
      if (!existsSync(handoverFile(embeddedDir()))) return undefined;
      return { kubeconfig: readHandover(embeddedDir()).kubeconfig, context: undefined };
    case "existing":
      return {
        kubeconfig: existingKubeconfig(text("mlops:kubeconfig"), text("mlops:context")),
        context: text("mlops:context"),
      };
    case "k3d":
      return k3dAccess(state);
    default:
      return undefined;
  }
}

/** Name of the k3d cluster that the state knows. */
export function k3dClusterName(state: StackState): string | undefined {
  const cluster = state.resources.find((resource) => resource.urn.endsWith("::k3d-cluster"));
  const environment = cluster?.inputs?.environment as { CLUSTER_NAME?: string } | undefined;
  return environment?.CLUSTER_NAME;
}

async function k3dAccess(state: StackState): Promise<ClusterAccess | undefined> {
  const name = k3dClusterName(state);
  if (name === undefined) return undefined;
  const result = await exec("k3d", ["kubeconfig", "get", name], { allowFailure: true, timeoutMs: 20_000 });
  if (result.code !== 0) return undefined;
  const file = join(stateDir(), "k3d-kubeconfig");
  writeFileSync(file, result.stdout, { mode: 0o600 });
  return { kubeconfig: file, context: undefined };
}
