import { createHash } from "node:crypto";
import { canonical } from "./canonical.ts";
import { rerunAnnotation } from "./contract.ts";
import { type Depends, type Ended, type Phase, parseDepends } from "./depends.ts";
import { evaluate, parseExpression } from "./expression.ts";
import { type AttemptResult, type Host, type NodeState, noOutputs, type Outputs } from "./host.ts";
import { cores, milliseconds, Room } from "./limits.ts";
import { fill, fillAll, type Scope, TagError, tagsIn } from "./tags.ts";
import type { RetryStrategy, Task, Template, WorkflowSpec } from "./template.ts";

/** What is known of a run before it starts. */
export interface RunFacts {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export type RunStatus = "Succeeded" | "Failed" | "Error";

/** How a node ended, for those that depend on it. */
interface Done extends Ended {
  readonly outputs: Outputs;
  /** What its branch counts as in the end: an omitted or skipped node inherits it. */
  readonly branch: RunStatus;
}

interface Arguments {
  readonly parameters: ReadonlyMap<string, string>;
  readonly artifacts: ReadonlyMap<string, string>;
}

const noArguments: Arguments = { parameters: new Map(), artifacts: new Map() };

interface Called {
  readonly phase: RunStatus;
  readonly outputs: Outputs;
}

/**
 * One run of a workflow: which node runs when, with what, and what the whole comes to, with Argo's semantics. All that
 * touches the world is the host's.
 */
export class Execution {
  private readonly spec: WorkflowSpec;
  private readonly facts: RunFacts;
  private readonly host: Host;
  private readonly pods: Room;
  private readonly machine: Room;
  private readonly failures: { displayName: string; message: string; phase: string }[] = [];

  /** @param machineCores cores that steps share by their CPU requests. */
  constructor(spec: WorkflowSpec, facts: RunFacts, host: Host, machineCores: number) {
    this.spec = spec;
    this.facts = facts;
    this.host = host;
    this.pods = new Room(spec.parallelism ?? Number.POSITIVE_INFINITY);
    this.machine = new Room(machineCores);
  }

  /**
   * Runs the workflow and then its exit steps.
   *
   * @param stop ends the steps that run and starts no more; the exit steps run all the same
   * @param stopExit ends the exit steps, too
   */
  async run(stop: AbortSignal, stopExit: AbortSignal): Promise<RunStatus> {
    const { activeDeadlineSeconds, entrypoint, onExit } = this.spec;
    const deadline =
      activeDeadlineSeconds === undefined ? [] : [AbortSignal.timeout(activeDeadlineSeconds * 1000)];
    const stops = AbortSignal.any([stop, ...deadline]);
    const scope = this.workflowScope();
    const { phase } = await this.call(entrypoint, entrypoint, noArguments, scope, stops);
    const status = stops.aborted && phase === "Succeeded" ? "Failed" : phase;
    if (onExit === undefined) return status;
    const failures = JSON.stringify(this.failures);
    const exitScope = new Map([...scope, ["workflow.status", status], ["workflow.failures", failures]]);
    const exit = await this.call(onExit, onExit, noArguments, exitScope, stopExit);
    return exit.phase === "Succeeded" ? status : exit.phase;
  }

  private workflowScope(): Map<string, string> {
    const { name, namespace, uid, parameters } = this.facts;
    return new Map([
      ["workflow.name", name],
      ["workflow.namespace", namespace],
      ["workflow.uid", uid],
      ...Object.entries(parameters).map(([key, value]): [string, string] => [
        `workflow.parameters.${key}`,
        value,
      ]),
    ]);
  }

  private template(name: string): Template {
    const template = this.spec.templates.find((one) => one.name === name);
    if (template === undefined) throw new Error(`template "${name}" vanished`);
    return template;
  }

  private async call(
    node: string,
    templateName: string,
    given: Arguments,
    workflow: Scope,
    stop: AbortSignal,
  ): Promise<Called> {
    const template = this.template(templateName);
    const scope = new Map(workflow);
    for (const { name, value, default: fallback } of template.inputs.parameters) {
      const filled = given.parameters.get(name) ?? value ?? fallback;
      if (filled !== undefined) scope.set(`inputs.parameters.${name}`, filled);
    }
    for (const { name, path } of template.inputs.artifacts) scope.set(`inputs.artifacts.${name}.path`, path);
    if (template.dag === undefined) return this.runContainer(node, template, given, scope, stop);
    return { phase: await this.runDag(node, template, workflow, scope, stop), outputs: noOutputs };
  }

  private async runDag(
    node: string,
    template: Template,
    workflow: Scope,
    scope: Scope,
    stop: AbortSignal,
  ): Promise<RunStatus> {
    const tasks = template.dag?.tasks ?? [];
    const depends = new Map(tasks.map((task) => [task.name, parseDepends(task.depends)]));
    const children = new Room(template.parallelism ?? Number.POSITIVE_INFINITY);
    const started = new Map<string, Promise<Done>>();
    const start = (task: Task): Promise<Done> => {
      const known = started.get(task.name);
      if (known !== undefined) return known;
      const mine = depends.get(task.name) as Depends;
      const parents = mine.tasks.map(
        (name) => [name, start(tasks.find((one) => one.name === name) as Task)] as const,
      );
      const done = this.runTask(this.nodeName(node, task.name), task, {
        depends: mine,
        parents,
        ancestors: () => this.outputsOf(tasks, depends, started, task.name),
        scope,
        workflow,
        children,
        stop,
      });
      started.set(task.name, done);
      return done;
    };
    const all = await Promise.all(tasks.map(start));
    const leaves = tasks.flatMap(({ name }, index) => {
      const isLeaf = ![...depends.values()].some((one) => one.tasks.includes(name));
      return isLeaf ? [(all[index] as Done).branch] : [];
    });
    return worst(leaves);
  }

  /** Nodes of the entrypoint go by their task's name alone. */
  private nodeName(parent: string, task: string): string {
    return parent === this.spec.entrypoint ? task : `${parent}.${task}`;
  }

  /** Values of every task that a task comes after, directly or not. */
  private async outputsOf(
    tasks: readonly Task[],
    depends: ReadonlyMap<string, Depends>,
    started: ReadonlyMap<string, Promise<Done>>,
    name: string,
  ): Promise<{ scope: Map<string, string>; artifacts: Map<string, string> }> {
    const scope = new Map<string, string>();
    const artifacts = new Map<string, string>();
    const visit = async (current: string): Promise<void> => {
      for (const parent of depends.get(current)?.tasks ?? []) {
        if (scope.has(`tasks.${parent}.status`)) continue;
        const done = (await started.get(parent)) as Done;
        scope.set(`tasks.${parent}.status`, done.phase);
        const template = this.template(tasks.find((one) => one.name === parent)?.template ?? "");
        const fallbacks = template.outputs.parameters.flatMap(({ name: output, valueFrom }) =>
          valueFrom.default === undefined ? [] : [[output, valueFrom.default] as const],
        );
        const parameters = { ...Object.fromEntries(fallbacks), ...done.outputs.parameters };
        for (const [output, value] of Object.entries(parameters)) {
          scope.set(`tasks.${parent}.outputs.parameters.${output}`, value);
        }
        for (const [output, key] of Object.entries(done.outputs.artifacts)) {
          artifacts.set(`tasks.${parent}.outputs.artifacts.${output}`, key);
        }
        await visit(parent);
      }
    };
    await visit(name);
    return { scope, artifacts };
  }

  private async runTask(node: string, task: Task, context: TaskContext): Promise<Done> {
    const parents = new Map(
      await Promise.all(context.parents.map(async ([name, done]) => [name, await done] as const)),
    );
    const inherited = worst([...parents.values()].map(({ branch }) => branch));
    const ended = (phase: Phase, message?: string): Done => {
      this.note(node, { phase, ...(message === undefined ? {} : { message }) });
      const branch = phase === "Error" ? "Error" : inherited;
      return { phase, outputs: noOutputs, branch };
    };
    if (!context.depends.holds((name) => parents.get(name) as Done)) return ended("Omitted");
    if (context.stop.aborted) return ended("Omitted", stopped(context.stop));
    try {
      const { scope: seen, artifacts } = await context.ancestors();
      const scope = new Map([...context.scope, ...seen]);
      const items = itemsOf(task, scope);
      if (items === undefined) return await this.runCopy(node, task, scope, artifacts, inherited, context);
      if (items.length === 0) return ended("Skipped", "its list is empty");
      const copies = await Promise.all(
        items.map((item, index) =>
          this.runCopy(
            `${node}(${index})`,
            task,
            new Map([...scope, ...itemScope(item)]),
            artifacts,
            inherited,
            context,
          ),
        ),
      );
      return grouped(copies);
    } catch (error) {
      return ended("Error", (error as Error).message);
    }
  }

  /** One task, or one of a fanned-out task's copies. */
  private async runCopy(
    node: string,
    task: Task,
    scope: Scope,
    artifacts: ReadonlyMap<string, string>,
    inherited: RunStatus,
    context: TaskContext,
  ): Promise<Done> {
    if (task.when !== undefined) {
      const when = fill(task.when, scope);
      // Words that are not quoted stand for themselves.
      if (!evaluate(parseExpression(when), (name) => name)) {
        this.note(node, { phase: "Skipped", message: `${when} is false` });
        return { phase: "Skipped", outputs: noOutputs, branch: inherited };
      }
    }
    const given = argumentsOf(task, this.template(task.template), scope, artifacts);
    const called = await context.children.within(1, () =>
      this.call(node, task.template, given, context.workflow, context.stop),
    );
    return { ...called, branch: called.phase };
  }

  private async runContainer(
    node: string,
    template: Template,
    given: Arguments,
    scope: Scope,
    stop: AbortSignal,
  ): Promise<Called> {
    const container = fillAll(template.container as NonNullable<Template["container"]>, scope);
    const inputs = template.inputs.artifacts.flatMap(({ name, path }) => {
      const key = given.artifacts.get(name);
      return key === undefined ? [] : [{ name, path, key }];
    });
    const digest = createHash("sha256").update(canonical({ container, inputs })).digest("hex");
    const rerun = template.metadata?.annotations[rerunAnnotation] === "true";
    const earlier = rerun ? undefined : this.host.earlier(node);
    if (earlier?.phase === "Succeeded" && earlier.inputs === digest && earlier.outputs !== undefined) {
      this.note(node, { ...earlier, message: "taken over from the earlier run" });
      return { phase: "Succeeded", outputs: earlier.outputs };
    }
    const size = cores(container.resources?.requests?.cpu ?? "1");
    // Of the first try: waiting for room is not part of it.
    let startedAt: number | undefined;
    let tries = 0;
    for (;;) {
      const result = await this.pods.within(1, () =>
        this.machine.within(size, async (): Promise<AttemptResult> => {
          if (stop.aborted) return { phase: "Failed", message: stopped(stop) };
          startedAt ??= Date.now();
          this.note(node, { phase: "Running", startedAt, tries: tries + 1 });
          const deadline = template.activeDeadlineSeconds;
          return this.host.attempt(
            { node, number: tries, container, inputs, outputs: template.outputs, deadline },
            stop,
          );
        }),
      );
      tries += 1;
      const retry = stop.aborted ? undefined : backoffOf(template.retryStrategy, result, tries, startedAt);
      if (retry !== undefined && result.phase !== "Succeeded") {
        const wait = `${result.message}; again in ${retry / 1000} s`;
        this.note(node, { phase: "Pending", message: wait, tries });
        await this.host.pause(retry, stop);
        continue;
      }
      const times = startedAt === undefined ? {} : { startedAt, finishedAt: Date.now() };
      return this.finish(node, result, { ...times, tries, inputs: digest });
    }
  }

  private finish(node: string, result: AttemptResult, state: Omit<NodeState, "phase">): Called {
    const { exitCode } = result;
    const base: NodeState = {
      ...state,
      phase: result.phase,
      ...(exitCode === undefined ? {} : { exitCode }),
    };
    if (result.phase === "Succeeded") {
      this.note(node, { ...base, outputs: result.outputs });
      return { phase: "Succeeded", outputs: result.outputs };
    }
    this.failures.push({ displayName: node, message: result.message, phase: result.phase });
    this.note(node, { ...base, message: result.message });
    return { phase: result.phase, outputs: noOutputs };
  }

  private note(node: string, state: NodeState): void {
    this.host.changed(node, state);
  }
}

interface TaskContext {
  readonly depends: Depends;
  readonly parents: readonly (readonly [string, Promise<Done>])[];
  readonly ancestors: () => Promise<{ scope: Map<string, string>; artifacts: Map<string, string> }>;
  /** What the tags of this DAG's tasks can name, besides other tasks. */
  readonly scope: Scope;
  /** What every template can name. */
  readonly workflow: Scope;
  readonly children: Room;
  readonly stop: AbortSignal;
}

function stopped(stop: AbortSignal): string {
  return (stop.reason as Error | undefined)?.name === "TimeoutError"
    ? "the workflow's deadline is over"
    : "the workflow was stopped";
}

function worst(statuses: readonly RunStatus[]): RunStatus {
  if (statuses.includes("Error")) return "Error";
  return statuses.includes("Failed") ? "Failed" : "Succeeded";
}

/** A fanned-out task: its outputs are JSON lists of its copies' outputs. */
function grouped(copies: readonly Done[]): Done {
  const phase = worst(
    copies.map((copy) => (copy.phase === "Skipped" ? "Succeeded" : (copy.phase as RunStatus))),
  );
  const names = new Set(copies.flatMap(({ outputs }) => Object.keys(outputs.parameters)));
  const lists = [...names].map((name) => {
    const values = copies.flatMap(({ outputs }) => outputs.parameters[name] ?? []);
    return [name, JSON.stringify(values.map(jsonOrText))] as const;
  });
  return {
    phase,
    branch: phase,
    children: copies.map((copy) => copy.phase),
    outputs: { parameters: Object.fromEntries(lists), artifacts: {} },
  };
}

/** What is JSON stays what it is in a list, as Argo has it. */
function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** The elements that a task fans out over; undefined for a plain task. */
function itemsOf(task: Task, scope: Scope): unknown[] | undefined {
  if (task.withItems !== undefined) return task.withItems;
  if (task.withSequence !== undefined) {
    const count = fill(task.withSequence.count, scope);
    if (!/^\d{1,4}$/.test(count)) throw new Error(`withSequence: "${count}" is no count`);
    return Array.from({ length: Number(count) }, (_unused, index) => String(index));
  }
  if (task.withParam === undefined) return undefined;
  const text = fill(task.withParam, scope);
  const parsed = jsonOrText(text);
  if (!Array.isArray(parsed)) throw new Error(`withParam is no JSON list: ${text.slice(0, 200)}`);
  return parsed;
}

function itemScope(item: unknown): [string, string][] {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const fields =
    typeof item === "object" && item !== null && !Array.isArray(item) ? Object.entries(item) : [];
  return [
    ["item", text(item)],
    ...fields.map(([name, value]): [string, string] => [`item.${name}`, text(value)]),
  ];
}

/** An output that was never written counts as not given, so that the template's default applies. */
function argumentsOf(
  task: Task,
  template: Template,
  scope: Scope,
  artifacts: ReadonlyMap<string, string>,
): Arguments {
  const parameters = new Map<string, string>();
  for (const { name, value } of task.arguments.parameters) {
    const [tag, ...more] = tagsIn(value);
    const absent = tag !== undefined && more.length === 0 && value.trim() === `{{${tag}}}` && !scope.has(tag);
    const fallback = template.inputs.parameters.find((input) => input.name === name);
    if (absent && (fallback?.default ?? fallback?.value) !== undefined) continue;
    parameters.set(name, fill(value, scope));
  }
  const keys = new Map<string, string>();
  for (const { name, from, optional } of task.arguments.artifacts) {
    const [tag = ""] = tagsIn(from);
    const key = artifacts.get(tag);
    if (key !== undefined) keys.set(name, key);
    else if (optional !== true) throw new TagError(`{{${tag}}} has no value`);
  }
  return { parameters, artifacts: keys };
}

/** Milliseconds until the next try; undefined where there is none. */
function backoffOf(
  strategy: RetryStrategy | undefined,
  result: AttemptResult,
  tries: number,
  startedAt: number | undefined,
): number | undefined {
  if (strategy === undefined || result.phase === "Succeeded" || tries > strategy.limit) return undefined;
  const policy = strategy.retryPolicy ?? (strategy.expression === undefined ? "OnFailure" : "Always");
  if (policy === "OnFailure" && result.phase !== "Failed") return undefined;
  if (policy === "OnError" && result.phase !== "Error") return undefined;
  const last: Readonly<Record<string, string>> = {
    "lastRetry.exitCode": String(result.exitCode ?? -1),
    "lastRetry.status": result.phase,
    "lastRetry.message": result.message,
  };
  const { expression, backoff } = strategy;
  if (expression !== undefined && !evaluate(parseExpression(expression), (name) => last[name] ?? name))
    return undefined;
  if (backoff === undefined) return 0;
  const grown = milliseconds(backoff.duration) * (backoff.factor || 1) ** (tries - 1);
  const wait = backoff.cap === undefined ? grown : Math.min(grown, milliseconds(backoff.cap));
  const over =
    backoff.maxDuration !== undefined &&
    Date.now() + wait > (startedAt ?? Date.now()) + milliseconds(backoff.maxDuration);
  return over ? undefined : wait;
}
