/**
 * Rehearses the aws stack (`make rehearse STACK=aws`): the real program, engine, policies and releases, on an
 * embedded cluster whose nodes are of the shape of the stack's, with an AWS that only answers.
 *
 *   node tools/rehearse/cli.ts [--charts-dir DIR] [--keep]
 *
 * --charts-dir DIR  real chart archives; charts that it lacks, by default all, are placeholders
 * --keep            leave cluster and stack there to be looked at, and say where
 *
 * Exit status 1: the update failed, or a pod found no node.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { estimateCost } from "../../components/aws/cost.ts";
import type { AwsConfig } from "../../config/schema.ts";
import { parseConfig } from "../../config.ts";
import { destroy } from "../embedded/cluster.ts";
import { createLog } from "../lib/log.ts";
import { rawConfig } from "../stack/rawConfig.ts";
import { assumed, stackConfig } from "./config.ts";
import { groupsOf } from "./nodes.ts";
import { reportLines, waiting } from "./report.ts";
import { createRoom, type Room } from "./room.ts";
import { listNodes, listPods, listSleepers, type Stagehand, startStagehand } from "./stagehand.ts";

const log = createLog();

async function rehearse(room: Room, stage: Stagehand, config: AwsConfig): Promise<number> {
  const { code, stdout } = await log.step("pulumi up --stack aws, rehearsed", (update) =>
    room.pulumi(["up", "--yes", "--skip-preview"], {
      allowFailure: true,
      onLine: (line) => update(line.trim().slice(0, 80)),
    }),
  );
  if (code !== 0) console.log(stdout.slice(Math.max(0, stdout.indexOf("\nDiagnostics:"))));
  const [nodes, pods, sleepers] = await Promise.all([
    listNodes(stage.api),
    listPods(stage.api),
    listSleepers(stage.api),
  ]);
  const groups = groupsOf(config);
  const systemNodes = groups
    .filter(({ tainted }) => !tainted)
    .reduce((sum, { name }) => sum + (stage.counts[name] ?? 0), 0);
  const cost = estimateCost(config, config.size, systemNodes);
  console.log(reportLines({ groups, nodes, pods, sleepers, cost }).join("\n"));
  return code !== 0 || waiting(pods).length > 0 ? 1 : 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { "charts-dir": { type: "string" }, keep: { type: "boolean", default: false } },
  });
  const raw = stackConfig();
  const guessed = assumed(raw);
  for (const [key, value] of Object.entries(guessed)) log.info(`assumed ${key} = ${JSON.stringify(value)}`);
  const full = { ...raw, ...guessed };
  const config = parseConfig(rawConfig(full), new Set());
  if (config.environment !== "aws") throw new Error("the stack `aws` must have mlops:environment aws");
  const chartsDir = values["charts-dir"];
  const room = await log.step("set the stage", () =>
    createRoom(config, {
      config: full,
      ...(chartsDir === undefined ? {} : { chartsDir: resolve(chartsDir) }),
    }),
  );
  // Ctrl-C ends the CLI in good order too (same process group); what follows it here cleans up.
  process.on("SIGINT", () => log.info("ending the rehearsal"));
  try {
    const stage = await startStagehand({
      settings: config,
      dir: room.clusterDir,
      onNode: (group, pod) => log.info(`cluster-autoscaler would add a node to ${group} for ${pod}`),
    });
    try {
      return await Promise.race([rehearse(room, stage, config), stage.failed]);
    } finally {
      await stage.stop();
    }
  } finally {
    if (values.keep)
      log.info(`kept: kubectl --kubeconfig ${room.clusterDir}/kubeconfig; stack in ${room.root}`);
    else {
      await destroy({ dir: room.clusterDir });
      room.remove();
    }
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
