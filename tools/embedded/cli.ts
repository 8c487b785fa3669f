import { parseArgs } from "node:util";
import type { ClusterOptions, ClusterStatus, ProcessStatus } from "./cluster.ts";
import { destroy, kubeconfigPath, start, status, stop } from "./cluster.ts";
import { readNodeDescription } from "./nodeDescription.ts";
import { podStartDelayOf } from "./settings.ts";

const usage = `Usage: node tools/embedded/cli.ts COMMAND [--dir DIR]

A Kubernetes cluster for machines without Docker: a real control plane, simulated nodes, and MinIO and
MLflow beside it, all on 127.0.0.1.

  start       start it, or what is missing of it
                --nodes FILE               JSON description of the nodes; default as last time
                --pod-start-delay SECONDS  until a scheduled pod runs; default as last time
                --without-services         without MinIO and MLflow
  stop        stop it; its data stays
  status      show its processes; exit status 0 if all run
                --json                     as JSON
  kubeconfig  print the path of the administrator's kubeconfig
  destroy     stop it and remove its data

  --dir DIR   data folder; default .mlops/embedded of this checkout
`;

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      dir: { type: "string" },
      nodes: { type: "string" },
      "pod-start-delay": { type: "string" },
      "without-services": { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (rest.length > 0) throw new Error(`unexpected argument ${rest[0]}\n\n${usage}`);
  const where: ClusterOptions = { dir: values.dir };
  switch (command) {
    case "start": {
      const cluster = await start({
        ...where,
        nodes: values.nodes === undefined ? undefined : readNodeDescription(values.nodes),
        podStartDelay: podStartDelayOf(values["pod-start-delay"], "--pod-start-delay"),
        services: !values["without-services"],
      });
      await cluster.waitServices();
      return 0;
    }
    case "stop":
      await stop(where);
      return 0;
    case "status":
      return showStatus(status(where), values.json === true);
    case "kubeconfig":
      process.stdout.write(`${kubeconfigPath(where)}\n`);
      return 0;
    case "destroy":
      await destroy(where);
      return 0;
    default:
      throw new Error(`${command === undefined ? "no command" : `unknown command ${command}`}\n\n${usage}`);
  }
}

function showStatus(cluster: ClusterStatus, asJson: boolean): number {
  if (asJson) process.stdout.write(`${JSON.stringify(cluster, undefined, 2)}\n`);
  else if (!cluster.exists) process.stdout.write(`no embedded cluster in ${cluster.dir}\n`);
  else process.stdout.write(cluster.processes.map(statusLines).join(""));
  return cluster.healthy ? 0 : 1;
}

function statusLines({ name, state, log, lastLines }: ProcessStatus): string {
  switch (state.kind) {
    case "running":
      return `${name.padEnd(24)} running  process ${state.pid}\n`;
    case "stopped":
      return `${name.padEnd(24)} stopped\n`;
    case "crashed":
      return `${name.padEnd(24)} crashed  ${state.reason}; its log ${log} ends:\n${lastLines}\n`;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
