import { createLog } from "../lib/log.ts";
import { startEmbedded } from "./embeddedCluster.ts";
import { clusterAccess } from "./kubeconfig.ts";
import { localConfig } from "./localConfig.ts";
import { pulumi, readOutputs } from "./pulumi.ts";
import { recover } from "./recover.ts";
import { currentState } from "./stateFile.ts";
import { summarize } from "./summary.ts";
import { watchWarnings } from "./warnings.ts";

/**
 * Brings the local stack up: the cluster if it is the embedded one, what a killed update left, then
 * `pulumi up`. Prints what is there and how to reach it.
 *
 * @returns the exit status of `pulumi up`.
 */
export async function up(): Promise<number> {
  const config = localConfig();
  const log = createLog();
  const embedded = config.cluster === "embedded" ? await startEmbedded(config) : undefined;
  const recovered = await recover("local");
  for (const line of recovered) log.info(line);
  // No preview before: the user asked for it, and rendering every chart twice doubles the time.
  const access = await clusterAccess(await currentState("local"));
  const watch = access === undefined ? undefined : watchWarnings(access, log);
  const code = await pulumi(
    ["up", "--yes", "--skip-preview", "--stack", "local"],
    // What a killed update made without telling the state belongs to a field manager that is gone.
    recovered.length > 0 ? { PULUMI_K8S_ENABLE_PATCH_FORCE: "true" } : {},
  );
  watch?.stop();
  await embedded?.waitServices();
  if (code !== 0) {
    log.info("The update failed; the messages above say where. `make up` goes on from what is there.");
    return code;
  }
  for (const line of summarize(await readOutputs())) console.log(line);
  return 0;
}
