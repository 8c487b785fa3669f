import { parseArgs } from "node:util";
import { type ModelServer, servingStatus, startServing, stopServing } from "./serving.ts";

const usage = `Usage: node tools/serving/cli.ts COMMAND [--dir DIR]

What serves models beside the embedded cluster: two real Triton servers, two real vLLM servers with a tiny base
model, the gateway and the reconciler, all on 127.0.0.1. They read the cluster's object store.

  start   start them, or what is missing; prints their URLs
            --servers triton,vllm  which servers; default triton
  stop    stop all
  status  show them; exit status 0 if gateway and reconciler run and nothing has crashed
            --json  as JSON

  --dir DIR   data folder of the embedded cluster; default .mlops/embedded of this checkout
`;

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      dir: { type: "string" },
      servers: { type: "string" },
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
  const where = { dir: values.dir };
  const servers = parseServers(values.servers);
  switch (command) {
    case "start":
      for (const [name, url] of Object.entries(await startServing({ ...where, servers }))) {
        process.stdout.write(`${name.padEnd(14)} ${url}\n`);
      }
      return 0;
    case "stop":
      await stopServing(where);
      return 0;
    case "status":
      return showStatus(where, values.json === true);
    default:
      throw new Error(`${command === undefined ? "no command" : `unknown command ${command}`}\n\n${usage}`);
  }
}

function parseServers(list = "triton"): ModelServer[] {
  return list.split(",").map((name) => {
    if (name === "triton" || name === "vllm") return name;
    throw new Error(`--servers: no server "${name}"; there are triton and vllm`);
  });
}

function showStatus(where: { dir: string | undefined }, asJson: boolean): number {
  const processes = servingStatus(where);
  if (asJson) process.stdout.write(`${JSON.stringify(processes, undefined, 2)}\n`);
  else {
    for (const { name, state, log, lastLines } of processes) {
      const detail = state.kind === "running" ? `process ${state.pid}` : "";
      const why = state.kind === "crashed" ? `${state.reason}; its log ${log} ends:\n${lastLines}` : detail;
      process.stdout.write(`${name.padEnd(14)} ${state.kind.padEnd(8)} ${why}\n`);
    }
  }
  const runs = (wanted: string): boolean =>
    processes.some(({ name, state }) => name === wanted && state.kind === "running");
  const crashed = processes.some(({ state }) => state.kind === "crashed");
  return runs("gateway") && runs("reconciler") && !crashed ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
