import { prepare, toolGroups } from "./prepare.ts";

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
  const { status } = await import("../embedded/cluster.ts");
  const { embeddedDir } = await import("./paths.ts");
  const { readOutputs } = await import("./pulumi.ts");
  const { summarize } = await import("./summary.ts");
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
  const { startEmbedded } = await import("./embeddedCluster.ts");
  const { localConfig } = await import("./localConfig.ts");
  const config = localConfig();
  if (config.cluster !== "embedded") {
    console.error(`the stack uses cluster \`${config.cluster}\`: nothing to start`);
    return 0;
  }
  await (await startEmbedded(config)).waitServices();
  return 0;
}

async function runRecover(): Promise<number> {
  const { recover } = await import("./recover.ts");
  const done = await recover("local");
  console.log(done.length === 0 ? "nothing to recover" : done.join("\n"));
  return 0;
}

/** Each loads what it needs when it runs: every shell waits for `prepare`. */
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
  up: async () => (await import("./up.ts")).up(),
  recover: runRecover,
  status: showStatus,
  "check-urls": async () => (await import("./checkUrls.ts")).checkUrls(),
  down: async () => (await import("./down.ts")).down(process.env.FORCE === "1"),
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
