import { status } from "../embedded/cluster.ts";
import { checkUrls } from "./checkUrls.ts";
import { down } from "./down.ts";
import { startEmbedded } from "./embeddedCluster.ts";
import { localConfig } from "./localConfig.ts";
import { embeddedDir } from "./paths.ts";
import { prepare, toolGroups } from "./prepare.ts";
import { readOutputs } from "./pulumi.ts";
import { recover } from "./recover.ts";
import { summarize } from "./summary.ts";
import { up } from "./up.ts";

const usage = `Usage: node tools/stack/cli.ts COMMAND   (after \`. ./env\`)

  groups      print which groups of tools the local stack needs here, as options of the toolchain
  prepare     make what \`pulumi\` needs: state folder, passphrase, stack files, choice of the cluster
  cluster     start the embedded cluster, if the local stack uses it
  up          cluster, recovery, \`pulumi up --stack local\`, summary
  recover     put the local stack right after an update that was killed
  status      the embedded cluster's processes and the stack's outputs
  check-urls  ask every URL of the local stack
  down        remove stack, cluster and processes (FORCE=1: give the state up)
`;

async function showStatus(): Promise<number> {
  const cluster = status({ dir: embeddedDir() });
  for (const { name, state, log } of cluster.processes) {
    console.log(
      `${name.padEnd(26)}${state.kind}${state.kind === "crashed" ? `: ${state.reason}; see ${log}` : ""}`,
    );
  }
  for (const line of summarize(await readOutputs())) console.log(line);
  return cluster.exists && !cluster.healthy ? 1 : 0;
}

async function startCluster(): Promise<number> {
  const config = localConfig();
  if (config.cluster !== "embedded") {
    console.error(`the stack uses cluster \`${config.cluster}\`: nothing to start`);
    return 0;
  }
  await (await startEmbedded(config)).waitServices();
  return 0;
}

async function runRecover(): Promise<number> {
  const done = await recover("local");
  console.log(done.length === 0 ? "nothing to recover" : done.join("\n"));
  return 0;
}

const commands: Readonly<Record<string, () => Promise<number>>> = {
  groups: async () => {
    console.log((await toolGroups()).map((group) => `--group ${group}`).join(" "));
    return 0;
  },
  prepare: async () => {
    await prepare();
    return 0;
  },
  cluster: startCluster,
  up,
  recover: runRecover,
  status: showStatus,
  "check-urls": checkUrls,
  down: () => down(process.env.FORCE === "1"),
};

const command = commands[process.argv[2] ?? ""];
if (command === undefined || process.argv.length > 3) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await command();
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
