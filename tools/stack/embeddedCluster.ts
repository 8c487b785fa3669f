import type { LocalConfig } from "../../config/schema.ts";
import type { RunningCluster } from "../embedded/bringUp.ts";
import { start } from "../embedded/cluster.ts";
import { parseNodeDescription } from "../embedded/nodeDescription.ts";
import { podStartDelayOf } from "../embedded/settings.ts";
import { embeddedNodes } from "./nodes.ts";
import { embeddedDir } from "./paths.ts";

/** Starts this checkout's embedded cluster with the configured nodes, or what is missing of it. */
export function startEmbedded(config: LocalConfig): Promise<RunningCluster> {
  // An empty variable, as make hands one over, says nothing.
  const delay = podStartDelayOf(process.env.POD_START_DELAY || undefined, "POD_START_DELAY");
  return start({
    dir: embeddedDir(),
    nodes: parseNodeDescription(embeddedNodes(config.nodes), "mlops:nodes"),
    podStartDelay: delay,
  });
}
