import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { readArguments } from "./arguments.ts";
import type { DeployedTemplate, PipelineNamespace } from "./cluster.ts";
import { parametersAnnotation } from "./contract.ts";
import type { Phase } from "./depends.ts";
import type { RunStatus } from "./execution.ts";
import type { NodeState } from "./host.ts";
import { resolveParameters } from "./parameters.ts";

const workflows = { group: "argoproj.io", version: "v1alpha1", plural: "workflows" } as const;
const interval = 1_000;

const node = z.object({
  id: z.string(),
  displayName: z.string(),
  type: z.string(),
  phase: z.string().default("Pending"),
  message: z.string().optional(),
  startedAt: z.iso.datetime().nullish(),
  finishedAt: z.iso.datetime().nullish(),
});
const workflow = z.object({
  metadata: z.object({ name: z.string() }),
  status: z
    .object({ phase: z.string().default(""), nodes: z.record(z.string(), node).default({}) })
    .default({ phase: "", nodes: {} }),
});

export interface SubmitOptions {
  readonly namespace: PipelineNamespace;
  /** Asks Argo to stop the workflow; its exit steps still run. */
  readonly stop: AbortSignal;
  /** Stops following. */
  readonly stopExit: AbortSignal;
  readonly onStart?: (name: string) => void;
  readonly onChange?: (node: string, state: NodeState) => void;
  /** Hears the log of a step's pod once it failed. */
  readonly onLog?: (node: string, log: string) => void;
}

/**
 * Submits a deployed pipeline to Argo and follows it to its end.
 *
 * @throws ParameterError before anything is submitted.
 */
export async function submit(
  template: DeployedTemplate,
  given: Readonly<Record<string, string>>,
  options: SubmitOptions,
): Promise<RunStatus> {
  const annotation = template.annotations[parametersAnnotation];
  const parameters = resolveParameters(template.name, readArguments(template.spec), given, annotation);
  const { namespace } = options;
  const body = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { generateName: `${template.name}-`, namespace: namespace.name },
    spec: {
      workflowTemplateRef: { name: template.name },
      arguments: { parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })) },
    },
  };
  const created = await namespace.orAbsent(
    namespace.objects.createNamespacedCustomObject({ ...workflows, namespace: namespace.name, body }),
  );
  const { name } = workflow.parse(created).metadata;
  options.onStart?.(name);
  return follow(name, options);
}

async function follow(name: string, options: SubmitOptions): Promise<RunStatus> {
  const { namespace, stop, stopExit } = options;
  const seen = new Map<string, string>();
  const at = { ...workflows, namespace: namespace.name, name };
  let asked = false;
  while (!stopExit.aborted) {
    if (stop.aborted && !asked) {
      asked = true;
      const body = [{ op: "add", path: "/spec/shutdown", value: "Stop" }];
      await namespace.orAbsent(namespace.objects.patchNamespacedCustomObject({ ...at, body }));
    }
    const found = await namespace.orAbsent(namespace.objects.getNamespacedCustomObject(at));
    if (found === undefined) throw new Error(`workflow ${name} was deleted`);
    const { status } = workflow.parse(found);
    for (const one of Object.values(status.nodes)) await tell(one, seen, options);
    if (["Succeeded", "Failed", "Error"].includes(status.phase)) return status.phase as RunStatus;
    // The wait ends early where someone stops it; that is no error.
    await sleep(interval, undefined, { signal: asked ? stopExit : stop }).catch(() => {});
  }
  return "Failed";
}

async function tell(
  one: z.infer<typeof node>,
  seen: Map<string, string>,
  options: SubmitOptions,
): Promise<void> {
  if (seen.get(one.id) === one.phase || ["DAG", "StepGroup"].includes(one.type)) return;
  seen.set(one.id, one.phase);
  const time = (instant: string | null | undefined): number | undefined =>
    instant === null || instant === undefined ? undefined : Date.parse(instant);
  const [startedAt, finishedAt] = [time(one.startedAt), time(one.finishedAt)];
  options.onChange?.(one.displayName, {
    phase: one.phase as Phase,
    ...(one.message === undefined ? {} : { message: one.message }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  });
  if (one.type === "Pod" && ["Failed", "Error"].includes(one.phase)) await showLog(one, options);
}

async function showLog({ id, displayName }: z.infer<typeof node>, options: SubmitOptions): Promise<void> {
  const { namespace, onLog } = options;
  const pods = await namespace.core.listNamespacedPod({
    namespace: namespace.name,
    labelSelector: "workflows.argoproj.io/workflow",
  });
  const pod = pods.items.find(
    ({ metadata }) => metadata?.annotations?.["workflows.argoproj.io/node-id"] === id,
  )?.metadata?.name;
  if (pod === undefined) return;
  const log = await namespace.orAbsent(
    namespace.core.readNamespacedPodLog({
      name: pod,
      namespace: namespace.name,
      container: "main",
      tailLines: 40,
    }),
  );
  if (log !== undefined) onLog?.(displayName, log);
}
