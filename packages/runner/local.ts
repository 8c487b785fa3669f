import { randomBytes, randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type ArtifactStore, s3Artifacts } from "./artifacts.ts";
import { specHash } from "./canonical.ts";
import { readSpec, UnsupportedError } from "./check.ts";
import type { DeployedTemplate } from "./cluster.ts";
import { parametersAnnotation } from "./contract.ts";
import { checkEndpoints } from "./endpoints.ts";
import { type Environments, type NamespaceReader, readEnvironments } from "./environment.ts";
import { Execution, type RunStatus } from "./execution.ts";
import type { NodeState } from "./host.ts";
import { Journal } from "./journal.ts";
import { resolveParameters } from "./parameters.ts";
import { type Interpreter, ProcessHost } from "./processHost.ts";
import type { WorkflowSpec } from "./template.ts";

/** What a run as processes needs to know of this machine, and whom it tells. */
export interface LocalOptions {
  readonly namespace: NamespaceReader & { readonly name: string };
  /** Folder in which each run gets one. */
  readonly runsFolder: string;
  readonly interpreterOf: (image: string) => Interpreter | undefined;
  /** Ends the steps; exit steps still run. */
  readonly stop: AbortSignal;
  /** Ends the exit steps, too. */
  readonly stopExit: AbortSignal;
  /** Makes what the steps need, once the pipeline and its parameters have passed their checks. */
  readonly beforeStart?: () => Promise<void>;
  readonly onStart?: (run: StartedRun) => void;
  readonly onChange?: (node: string, state: NodeState) => void;
  /** Cores that steps share; all of this machine's by default. */
  readonly cores?: number;
  /** Milliseconds that a step has to end after it was asked to; Kubernetes' 30 s by default. */
  readonly graceMs?: number;
}

/** A run that has passed every check and is about to start. */
export interface StartedRun {
  readonly name: string;
  readonly folder: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly specSha256: string;
}

export interface FinishedRun extends StartedRun {
  readonly status: RunStatus;
  readonly nodes: Readonly<Record<string, NodeState>>;
}

/** A spec that the runner can run, and the value of each of its parameters. */
export interface CheckedRun {
  readonly spec: WorkflowSpec;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Checks what can be checked without a look at the world: the template and the parameters.
 *
 * @throws ParameterError or UnsupportedError with all problems of a kind at once.
 */
export function checkRun(template: DeployedTemplate, given: Readonly<Record<string, string>>): CheckedRun {
  const spec = readSpec(template.name, template.spec);
  const annotation = template.annotations[parametersAnnotation];
  const parameters = resolveParameters(template.name, spec.arguments.parameters, given, annotation);
  return { spec, parameters };
}

/**
 * Runs a deployed pipeline as processes of this machine.
 *
 * @throws ParameterError, UnsupportedError or Error before anything starts, with all problems of a kind at once.
 */
export async function runLocally(
  template: DeployedTemplate,
  given: Readonly<Record<string, string>>,
  options: LocalOptions,
): Promise<FinishedRun> {
  const { spec, parameters } = checkRun(template, given);
  const environments = await prepare(template.name, spec, options);
  const journal = Journal.create(options.runsFolder, {
    name: `${template.name}-${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}-${randomBytes(2).toString("hex")}`,
    uid: randomUUID(),
    pipeline: template.name,
    namespace: options.namespace.name,
    parameters,
    specSha256: specHash(template.spec),
    spec: template.spec,
  });
  return execute(spec, journal, environments, options);
}

/**
 * Goes on with a run that failed or was killed: what succeeded stays, with its outputs; the spec and the parameters are
 * the run's own.
 */
export async function resumeLocally(name: string, options: LocalOptions): Promise<FinishedRun> {
  const journal = Journal.open(options.runsFolder, name);
  const { pipeline, spec, status } = journal.run;
  if (status === "Succeeded") throw new Error(`run "${name}" succeeded: there is nothing to go on with`);
  const read = readSpec(pipeline, spec);
  return execute(read, journal, await prepare(pipeline, read, options), options);
}

/** Everything that can be checked before the first step. */
async function prepare(name: string, spec: WorkflowSpec, options: LocalOptions): Promise<Environments> {
  const containers = spec.templates.flatMap(({ container }) => (container === undefined ? [] : [container]));
  const foreign = new Set(
    containers.map(({ image }) => image).filter((image) => options.interpreterOf(image) === undefined),
  );
  if (foreign.size > 0) {
    throw new UnsupportedError(
      name,
      [...foreign].map((image) => `nothing on this machine stands for image ${image}`),
    );
  }
  const environments = await readEnvironments(spec, options.namespace);
  const all: Record<string, string> = Object.assign({}, ...containers.map(environments.of));
  await checkEndpoints(all);
  await options.beforeStart?.();
  return environments;
}

async function execute(
  spec: WorkflowSpec,
  journal: Journal,
  environments: Environments,
  options: LocalOptions,
): Promise<FinishedRun> {
  const { name, namespace, uid, parameters, specSha256, nodes } = journal.run;
  const earlier = { ...nodes };
  const started: StartedRun = { name, folder: journal.folder, parameters, specSha256 };
  options.onStart?.(started);
  journal.setStatus("Running");
  const store = once(() => {
    const containers = spec.templates.flatMap(({ container }) =>
      container === undefined ? [] : [container],
    );
    const environment = Object.assign({}, ...containers.map(environments.of));
    return s3Artifacts(environment, join(journal.folder, "archives"));
  });
  const host = new ProcessHost({
    folder: journal.folder,
    keyPrefix: `workflows/${namespace}/${name}`,
    environments,
    interpreterOf: options.interpreterOf,
    artifacts: store,
    graceMs: options.graceMs ?? 30_000,
    onChange: (node, state) => {
      journal.setNode(node, state);
      options.onChange?.(node, state);
    },
    // Exit steps belong to the end of this attempt, not of the one before.
    earlier: (node) =>
      node.startsWith(`${spec.onExit}.`) ? undefined : (earlier[node] as NodeState | undefined),
  });
  const facts = { name, namespace, uid, parameters };
  const execution = new Execution(spec, facts, host, options.cores ?? availableParallelism());
  const status = await execution.run(options.stop, options.stopExit);
  journal.setStatus(status);
  return { ...started, status, nodes: journal.run.nodes as Record<string, NodeState> };
}

function once(make: () => ArtifactStore): () => ArtifactStore {
  let made: ArtifactStore | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
