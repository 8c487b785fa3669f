import type { z } from "zod";
import { parseDepends } from "./depends.ts";
import { ExpressionError, namesIn, parseExpression } from "./expression.ts";
import { tagsIn } from "./tags.ts";
import { type Task, type Template, type WorkflowSpec, workflowSpec } from "./template.ts";

/** A WorkflowTemplate that the runner cannot execute; nothing was started. */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
  readonly problems: readonly string[];
  constructor(what: string, problems: readonly string[]) {
    super(`${what} cannot be run:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

/**
 * Reads the spec of a WorkflowTemplate.
 *
 * @param what its name, for messages
 * @throws UnsupportedError listing every field, tag and reference that the runner does not execute, before anything runs.
 */
export function readSpec(what: string, spec: unknown): WorkflowSpec {
  const parsed = workflowSpec.safeParse(spec);
  if (!parsed.success)
    throw new UnsupportedError(
      what,
      parsed.error.issues.flatMap((issue) => describe(issue, [])),
    );
  const problems = [
    ...referenceProblems(parsed.data),
    ...parsed.data.templates.flatMap(templateProblems(parsed.data)),
  ];
  if (problems.length > 0) throw new UnsupportedError(what, problems);
  return parsed.data;
}

function describe(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): string[] {
  const path = ["spec", ...at, ...issue.path];
  const where = (keys: readonly PropertyKey[]): string =>
    keys.reduce<string>(
      (text, key) =>
        `${text}${typeof key === "number" ? `[${key}]` : `${text === "" ? "" : "."}${String(key)}`}`,
      "",
    );
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${where([...path, key])}: the runner does not support this field`);
  }
  if (issue.code === "invalid_union") {
    const closest = [...issue.errors].sort((a, b) => a.length - b.length)[0] ?? [];
    return closest.length === 0
      ? [`${where(path)}: ${issue.message}`]
      : closest.flatMap((inner) => describe(inner, [...at, ...issue.path]));
  }
  return [`${where(path)}: ${issue.message}`];
}

function referenceProblems(spec: WorkflowSpec): string[] {
  const names = spec.templates.map((template) => template.name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  const referred = [
    ["spec.entrypoint", spec.entrypoint],
    ...(spec.onExit === undefined ? [] : [["spec.onExit", spec.onExit]]),
  ] as [string, string][];
  return [
    ...[...new Set(twice)].map((name) => `template "${name}" is defined twice`),
    ...referred
      .filter(([, name]) => !names.includes(name))
      .map(([at, name]) => `${at}: there is no template "${name}"`),
    ...recursions(spec),
  ];
}

/** Templates that call themselves, directly or not. */
function recursions(spec: WorkflowSpec): string[] {
  const calls = new Map(
    spec.templates.map(({ name, dag }) => [name, (dag?.tasks ?? []).map((task) => task.template)]),
  );
  const reaches = (from: string, target: string, seen: Set<string>): boolean =>
    (calls.get(from) ?? []).some(
      (next) => next === target || (!seen.has(next) && reaches(next, target, seen.add(next))),
    );
  return [...calls.keys()]
    .filter((name) => reaches(name, name, new Set()))
    .map((name) => `template "${name}" calls itself, which the runner does not support`);
}

const workflowTag = /^workflow\.(?:name|namespace|uid|parameters\.[\w-]+)$/;
const exitTag = /^workflow\.(?:status|failures)$/;

function templateProblems(spec: WorkflowSpec): (template: Template) => string[] {
  const workflow = new Set(spec.arguments.parameters.map(({ name }) => name));
  const exit = exitTemplates(spec);
  return (template) => {
    const at = `template "${template.name}"`;
    if ((template.container === undefined) === (template.dag === undefined)) {
      return [`${at}: must have either container or dag`];
    }
    const inputs = new Set(template.inputs.parameters.map(({ name }) => name));
    const known = (tag: string): boolean => {
      const parameter = /^workflow\.parameters\.(.+)$/.exec(tag)?.[1];
      if (parameter !== undefined) return workflow.has(parameter);
      const input = /^inputs\.parameters\.(.+)$/.exec(tag)?.[1];
      if (input !== undefined) return inputs.has(input);
      return workflowTag.test(tag) || (exit.has(template.name) && exitTag.test(tag));
    };
    const body =
      template.container === undefined
        ? dagProblems(spec, template, known)
        : containerProblems(template, known);
    return body.map((problem) => `${at}: ${problem}`);
  };
}

/** Templates that run at the end, where the workflow's status is known. */
function exitTemplates(spec: WorkflowSpec): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const template = spec.templates.find((one) => one.name === name);
    for (const task of template?.dag?.tasks ?? []) visit(task.template);
  };
  if (spec.onExit !== undefined) visit(spec.onExit);
  return found;
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

function unknownTags(value: unknown, known: (tag: string) => boolean): string[] {
  const tags = textsIn(value).flatMap(tagsIn);
  return [...new Set(tags)]
    .filter((tag) => !known(tag))
    .map((tag) => `{{${tag}}} is not supported or not known here`);
}

function containerProblems(template: Template, known: (tag: string) => boolean): string[] {
  const { container, retryStrategy } = template;
  const artifacts = template.inputs.artifacts.map(({ name }) => `inputs.artifacts.${name}.path`);
  const volumes = new Set(template.volumes.map(({ name }) => name));
  return [
    ...unknownTags(container, (tag) => known(tag) || artifacts.includes(tag)),
    ...(container?.volumeMounts ?? [])
      .filter(({ name }) => !volumes.has(name))
      .map(({ name }) => `it mounts "${name}", which is none of its volumes`),
    ...expressionProblems("retryStrategy.expression", retryStrategy?.expression, (name) =>
      ["lastRetry.exitCode", "lastRetry.status", "lastRetry.message"].includes(name),
    ),
  ];
}

function expressionProblems(
  at: string,
  text: string | undefined,
  known: (name: string) => boolean,
): string[] {
  if (text === undefined) return [];
  try {
    const names = namesIn(parseExpression(text));
    return names.filter((name) => !known(name)).map((name) => `${at}: "${name}" is not supported`);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return [`${at}: ${error.message}`];
  }
}

function dagProblems(spec: WorkflowSpec, template: Template, known: (tag: string) => boolean): string[] {
  const tasks = template.dag?.tasks ?? [];
  const names = tasks.map(({ name }) => name);
  const problems: string[] = [];
  if (template.outputs.parameters.length + template.outputs.artifacts.length > 0) {
    problems.push("outputs of a dag are not supported");
  }
  if (template.retryStrategy !== undefined) problems.push("retryStrategy of a dag is not supported");
  if (template.activeDeadlineSeconds !== undefined)
    problems.push("activeDeadlineSeconds of a dag is not supported");
  const parents = new Map<string, readonly string[]>();
  for (const task of tasks) {
    const say = (problem: string): void => void problems.push(`task "${task.name}": ${problem}`);
    if (names.indexOf(task.name) !== names.lastIndexOf(task.name)) say("is defined twice");
    try {
      const { tasks: dependencies } = parseDepends(task.depends);
      parents.set(task.name, dependencies);
      for (const dependency of dependencies.filter((one) => !names.includes(one))) {
        say(`depends on "${dependency}", which is no task`);
      }
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      say(`depends: ${error.message}`);
    }
  }
  const ancestors = new Map(tasks.map(({ name }) => [name, ancestorsOf(name, parents)]));
  for (const task of tasks) {
    const mine = ancestors.get(task.name) ?? new Set();
    if (mine.has(task.name)) problems.push(`task "${task.name}": depends on itself, directly or not`);
    const sees = (tag: string): boolean => known(tag) || taskTag(spec, tasks, mine, task, tag);
    problems.push(...taskProblems(spec, task, sees).map((problem) => `task "${task.name}": ${problem}`));
  }
  return problems;
}

function ancestorsOf(name: string, parents: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  const visit = (task: string): void => {
    for (const parent of parents.get(task) ?? []) {
      if (found.has(parent)) continue;
      found.add(parent);
      visit(parent);
    }
  };
  visit(name);
  return found;
}

/** Whether a tag of a task is an output of one of its ancestors, or the element of its own list. */
function taskTag(
  spec: WorkflowSpec,
  tasks: readonly Task[],
  ancestors: ReadonlySet<string>,
  task: Task,
  tag: string,
): boolean {
  if (/^item(?:\.[\w-]+)?$/.test(tag)) return fanOuts(task) > 0;
  const match = /^tasks\.([\w-]+)\.(?:status|outputs\.(parameters|artifacts)\.([\w-]+))$/.exec(tag);
  const [, ancestor = "", kind, output] = match ?? [];
  if (match === null || !ancestors.has(ancestor)) return false;
  if (kind === undefined) return true;
  const source = tasks.find(({ name }) => name === ancestor);
  const outputs = spec.templates.find(({ name }) => name === source?.template)?.outputs;
  return outputs?.[kind as "parameters" | "artifacts"].some(({ name }) => name === output) ?? false;
}

function fanOuts({ withParam, withItems, withSequence }: Task): number {
  return [withParam, withItems, withSequence].filter((list) => list !== undefined).length;
}

function taskProblems(spec: WorkflowSpec, task: Task, known: (tag: string) => boolean): string[] {
  const called = spec.templates.find(({ name }) => name === task.template);
  const given = new Set(task.arguments.parameters.map(({ name }) => name));
  const artifacts = new Set(task.arguments.artifacts.map(({ name }) => name));
  const { depends, ...rest } = task;
  return [
    ...(called === undefined ? [`there is no template "${task.template}"`] : []),
    ...(called?.inputs.parameters ?? [])
      .filter((input) => !given.has(input.name) && (input.default ?? input.value) === undefined)
      .map(({ name }) => `template "${task.template}" needs parameter "${name}"`),
    ...(called?.inputs.artifacts ?? [])
      .filter((input) => !artifacts.has(input.name) && input.optional !== true)
      .map(({ name }) => `template "${task.template}" needs artifact "${name}"`),
    ...(fanOuts(task) > 1 ? ["has more than one of withParam, withItems and withSequence"] : []),
    ...unknownTags(rest, known),
    // Tags are values by then; a placeholder word tells whether the rest of the expression can be read.
    ...expressionProblems("when", task.when?.replaceAll(/\{\{[^{}]*\}\}/g, "value"), () => true),
  ];
}
