import { parametersAnnotation, servingAnnotation } from "@mlops/runner/contract";
import { serviceAccounts } from "../../components/tenancy/names.ts";
import type {
  Parameter as ArgoParameter,
  CronWorkflow,
  DAGTask,
  Template,
  WorkflowTemplate,
} from "../argo/types.ts";
import { renderComparison, renderCondition } from "./conditions.ts";
import type { AddedStep, Flow } from "./flow.ts";
import type { Pipeline } from "./pipeline.ts";
import { type CompileEnvironment, stepTemplate } from "./stepTemplate.ts";
import { type Parameter, render } from "./values.ts";

const apiVersion = "argoproj.io/v1alpha1";
const day = 86_400;

/** Argo's schema leaves these out of what must be there; Kubernetes does not. */
interface Kinded {
  readonly apiVersion: typeof apiVersion;
  readonly kind: string;
}

/** The Argo objects that a pipeline is. */
export interface CompiledPipeline {
  readonly template: WorkflowTemplate & Kinded;
  /** Present where the pipeline has a schedule. */
  readonly cron?: CronWorkflow & Kinded;
}

/** Compiles a pipeline for one place; pure, and the same for the same input. */
export function compile(pipeline: Pipeline, environment: CompileEnvironment): CompiledPipeline {
  const template = workflowTemplate(pipeline, environment);
  const { schedule } = pipeline;
  if (schedule === undefined) return { template };
  const parameters = Object.entries(schedule.parameters ?? {}).map(([name, value]) => ({ name, value }));
  const cron: CompiledPipeline["cron"] = {
    apiVersion,
    kind: "CronWorkflow",
    metadata: metadata(pipeline, environment),
    spec: {
      schedules: [...schedule.schedules],
      timezone: "Etc/UTC",
      // A run that lasts longer than a day must not meet the next one.
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      workflowSpec: {
        workflowTemplateRef: { name: pipeline.name },
        ...(parameters.length === 0 ? {} : { arguments: { parameters } }),
      },
    },
  };
  return { template, cron };
}

function labels({ name, owner, queue }: Pipeline): Record<string, string> {
  return { "mlops.dev/pipeline": name, "mlops.dev/owner": owner, "mlops.dev/queue": queue };
}

function metadata(pipeline: Pipeline, environment: CompileEnvironment): WorkflowTemplate["metadata"] {
  return {
    name: pipeline.name,
    namespace: environment.namespace,
    labels: { "app.kubernetes.io/part-of": "mlops-platform", ...labels(pipeline) },
    annotations: { "workflows.argoproj.io/description": pipeline.description },
  };
}

function workflowTemplate(pipeline: Pipeline, environment: CompileEnvironment): CompiledPipeline["template"] {
  const { flow, exitFlow, parallelism } = pipeline;
  const head = metadata(pipeline, environment);
  const parameters = Object.entries(pipeline.parameters);
  return {
    apiVersion,
    kind: "WorkflowTemplate",
    metadata: {
      ...head,
      annotations: {
        ...head.annotations,
        [parametersAnnotation]: JSON.stringify(Object.fromEntries(parameters.map(typeOf))),
        ...(pipeline.serving === undefined ? {} : { [servingAnnotation]: JSON.stringify(pipeline.serving) }),
      },
    },
    spec: {
      entrypoint: "main",
      ...(exitFlow.steps.length === 0 ? {} : { onExit: "exit" }),
      ...(parameters.length === 0 ? {} : { arguments: { parameters: parameters.map(argument) } }),
      activeDeadlineSeconds: pipeline.deadline,
      ...(parallelism === undefined ? {} : { parallelism }),
      workflowMetadata: { labels: labels(pipeline) },
      podMetadata: { labels: labels(pipeline) },
      serviceAccountName: serviceAccounts.training,
      // The step's own code gets no token; Argo's containers get the executor's, which may only report.
      automountServiceAccountToken: false,
      executor: { serviceAccountName: serviceAccounts.executor },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10_001,
        runAsGroup: 10_001,
        fsGroup: 10_001,
        seccompProfile: { type: "RuntimeDefault" },
      },
      ttlStrategy: { secondsAfterSuccess: day, secondsAfterFailure: 7 * day },
      podGC: { strategy: "OnPodSuccess", deleteDelayDuration: "600s" },
      templates: [
        dag("main", flow),
        ...(exitFlow.steps.length === 0 ? [] : [dag("exit", exitFlow)]),
        ...[...flow.steps, ...exitFlow.steps].map((step) => stepTemplate(step, environment)),
      ],
    },
  };
}

function typeOf([name, parameter]: [string, Parameter]): [string, object] {
  const { type } = parameter;
  if (type !== "integer" && type !== "number") return [name, { type }];
  const { minimum, maximum } = parameter;
  return [
    name,
    { type, ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) },
  ];
}

function argument([name, parameter]: [string, Parameter]): ArgoParameter {
  const { default: value, description } = parameter;
  const choices =
    parameter.type === "boolean"
      ? ["true", "false"]
      : parameter.type === "text"
        ? parameter.oneOf
        : undefined;
  return {
    name,
    description,
    ...(value === undefined ? {} : { value: String(value) }),
    ...(choices === undefined ? {} : { enum: [...choices] }),
  };
}

function dag(name: string, flow: Flow): Template {
  return { name, dag: { tasks: flow.steps.map(task) } };
}

function task({ name, options, conditions }: AddedStep): DAGTask {
  const parameters = Object.entries(options.parameters ?? {}).map(([key, value]) => ({
    name: key,
    value: render(value),
  }));
  const artifacts = Object.entries(options.inputs ?? {}).map(([key, { tag }]) => ({
    name: key,
    from: `{{${tag}}}`,
  }));
  return {
    name,
    template: name,
    ...(conditions.length === 0 ? {} : { depends: conditions.map(renderCondition).join(" && ") }),
    ...(options.when === undefined ? {} : { when: renderComparison(options.when) }),
    ...(options.forEach === undefined ? {} : { withParam: render(options.forEach) }),
    ...(options.repeat === undefined ? {} : { withSequence: { count: render(options.repeat) } }),
    ...(parameters.length + artifacts.length === 0
      ? {}
      : {
          arguments: {
            ...(parameters.length === 0 ? {} : { parameters }),
            ...(artifacts.length === 0 ? {} : { artifacts }),
          },
        }),
  };
}
