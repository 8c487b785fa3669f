import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type ClusterAccess,
  checkRun,
  type FinishedRun,
  Journal,
  type LocalOptions,
  PipelineNamespace,
  readSpec,
  resumeLocally,
  runLocally,
  servingAnnotation,
  submit,
} from "@mlops/runner";
import { createLog, formatElapsed } from "../lib/log.ts";
import { stateDir } from "../lib/paths.ts";
import { startServing } from "../serving/serving.ts";
import { embeddedDir } from "../stack/paths.ts";
import { stackAccess } from "./access.ts";
import { failedLogs } from "./failedLogs.ts";
import { prepareInterpreters } from "./interpreters.ts";
import { StepProgress } from "./progress.ts";

const usage = `Usage: node tools/pipelines/cli.ts PIPELINE [NAME=VALUE ...]   (after \`. ./env\`)

Runs a deployed pipeline: as processes of this machine where the cluster's pods are simulated, by Argo where they
are real. Exit status: 0 succeeded, 1 failed, 2 wrong input, 130 stopped by Ctrl-C (exit steps still run; a second
Ctrl-C stops them, too).

  --resume RUN   go on with a run that failed or was killed, from its failed steps
  --list         list the pipelines and their parameters
  --stack STACK  default: local
`;

const log = createLog();

interface Request {
  readonly pipeline: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  readonly resume: string | undefined;
  readonly list: boolean;
  readonly stack: string;
}

/** @throws Error saying what cannot be understood. */
function readArguments(argv: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { resume: { type: "string" }, list: { type: "boolean" }, stack: { type: "string" } },
  });
  const [pipeline, ...rest] = positionals;
  const wrong = rest.filter((word) => !/^[^=]+=/.test(word));
  if (wrong.length > 0) throw new Error(`${wrong.join(" ")}: parameters are NAME=VALUE`);
  const list = values.list === true;
  if ((pipeline === undefined) === (values.resume === undefined) && !list) throw new Error(usage);
  if (values.resume !== undefined && rest.length > 0) {
    throw new Error("--resume keeps the parameters of its run; start a new one to change them");
  }
  const parameters = Object.fromEntries(
    rest.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
  );
  return { pipeline, parameters, resume: values.resume, list, stack: values.stack ?? "local" };
}

/** Aborts at the first and the second Ctrl-C. */
function watchSignals(): { stop: AbortSignal; stopExit: AbortSignal } {
  const [stop, stopExit] = [new AbortController(), new AbortController()];
  const onSignal = (): void => {
    if (stop.signal.aborted) stopExit.abort();
    else {
      log.info("stopping the steps; the exit steps still run (again to stop these, too)");
      stop.abort();
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return { stop: stop.signal, stopExit: stopExit.signal };
}

async function list(namespace: PipelineNamespace): Promise<number> {
  for (const { name, spec, annotations } of await namespace.templates()) {
    console.log(`${name.padEnd(24)} ${annotations["workflows.argoproj.io/description"] ?? ""}`);
    for (const parameter of readSpec(name, spec).arguments.parameters) {
      const choices = parameter.enum === undefined ? "" : ` (${parameter.enum.join(", ")})`;
      const value = parameter.value === undefined ? "required" : `default ${parameter.value || '""'}`;
      console.log(`  ${parameter.name.padEnd(22)} ${parameter.description ?? ""}${choices} [${value}]`);
    }
  }
  return 0;
}

async function runHere(request: Request, namespace: PipelineNamespace): Promise<number> {
  const progress = new StepProgress(log);
  const signals = watchSignals();
  const runsFolder = join(stateDir(), "runs");
  const earlier = request.resume === undefined ? undefined : Journal.open(runsFolder, request.resume).run;
  const template = await namespace.template(earlier?.pipeline ?? request.pipeline ?? "");
  // Before anything is prepared, which may take minutes.
  const spec =
    earlier === undefined
      ? checkRun(template, request.parameters).spec
      : readSpec(template.name, earlier.spec);
  const images = spec.templates.flatMap(({ container }) =>
    container === undefined ? [] : [container.image],
  );
  const options: LocalOptions = {
    namespace,
    runsFolder,
    interpreterOf: await prepareInterpreters(images, log),
    ...signals,
    beforeStart: async () => {
      const servers = template.annotations[servingAnnotation];
      if (servers !== undefined)
        await startServing({ dir: embeddedDir(), log, servers: JSON.parse(servers) });
    },
    onStart: ({ name, folder }) => log.info(`run ${name}; logs in ${folder}/logs`),
    onChange: (node, state) => progress.changed(node, state),
  };
  const started = performance.now();
  const finished =
    request.resume === undefined
      ? await runLocally(template, request.parameters, options)
      : await resumeLocally(request.resume, options);
  return conclude(finished, performance.now() - started, signals.stop.aborted);
}

function conclude(run: FinishedRun, milliseconds: number, stopped: boolean): number {
  log.info(`${run.name} ${run.status.toLowerCase()} (${formatElapsed(milliseconds)})`);
  if (run.status === "Succeeded") return 0;
  for (const line of failedLogs(run)) log.info(line);
  const omitted = Object.entries(run.nodes).flatMap(([name, { phase }]) =>
    phase === "Omitted" ? [name] : [],
  );
  if (omitted.length > 0) log.info(`not run because of that: ${omitted.join(", ")}`);
  log.info(`to go on from there: node tools/pipelines/cli.ts --resume ${run.name}`);
  return stopped ? 130 : 1;
}

async function runByArgo(request: Request, namespace: PipelineNamespace): Promise<number> {
  if (request.resume !== undefined) {
    throw new Error(`Argo runs this cluster's pipelines: resume with \`argo retry ${request.resume}\``);
  }
  const progress = new StepProgress(log);
  const signals = watchSignals();
  const status = await submit(await namespace.template(request.pipeline ?? ""), request.parameters, {
    namespace,
    ...signals,
    onStart: (name) => log.info(`submitted workflow ${name}`),
    onChange: (node, state) => progress.changed(node, state),
    onLog: (node, text) => log.info(`the log of ${node} ends:\n${text}`),
  });
  log.info(status.toLowerCase());
  if (status === "Succeeded") return 0;
  return signals.stop.aborted ? 130 : 1;
}

async function main(argv: readonly string[]): Promise<number> {
  const request = readArguments(argv);
  const access: ClusterAccess = await stackAccess(request.stack);
  const namespace = new PipelineNamespace(access);
  if (request.list) return list(namespace);
  return (await namespace.runsPods()) ? runByArgo(request, namespace) : runHere(request, namespace);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
