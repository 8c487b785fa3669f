/** Pipelines as code: typed steps that compile to Argo's WorkflowTemplate and CronWorkflow. */
export { type CompiledPipeline, compile } from "./compile.ts";
export * from "./conditions.ts";
export { Flow, type Step, type StepOptions } from "./flow.ts";
export { definePipeline, type Pipeline, PipelineError } from "./pipeline.ts";
export { type CompileEnvironment, ioFolders } from "./stepTemplate.ts";
export {
  boolean,
  integer,
  item,
  itemField,
  number,
  type Parameter,
  type Reference,
  run,
  text,
  type Value,
} from "./values.ts";
