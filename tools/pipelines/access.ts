import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterAccess } from "@mlops/runner";
import { pipelinesNamespace } from "../../components/tenancy/names.ts";
import { exec } from "../lib/exec.ts";
import { projectRoot, stateDir } from "../lib/paths.ts";
import { clusterAccess } from "../stack/kubeconfig.ts";
import { currentState } from "../stack/stateFile.ts";

/**
 * How to reach the cluster of a stack that is up.
 *
 * @throws Error saying what to run when there is none.
 */
export async function stackAccess(stack: string): Promise<ClusterAccess> {
  const namespace = pipelinesNamespace;
  if (stack === "local") {
    const access = await clusterAccess(await currentState("local"));
    if (access === undefined) throw new Error("the stack `local` has no cluster; start it with `make up`");
    const { kubeconfig, context } = access;
    return { kubeconfig, namespace, ...(context === undefined ? {} : { context }) };
  }
  const args = ["stack", "output", "kubeconfig", "--show-secrets", "--stack", stack];
  const { stdout } = await exec("pulumi", args, { cwd: projectRoot });
  const kubeconfig = join(stateDir(), `${stack}-kubeconfig`);
  writeFileSync(kubeconfig, stdout, { mode: 0o600 });
  return { kubeconfig, namespace };
}
