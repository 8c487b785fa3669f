/** Runs deployed WorkflowTemplates: as processes where pods are simulated, by Argo where they are real. */
export { readSpec, UnsupportedError } from "./check.ts";
export { type ClusterAccess, type DeployedTemplate, PipelineNamespace } from "./cluster.ts";
export * from "./contract.ts";
export type { Phase } from "./depends.ts";
export type { NamespaceReader } from "./environment.ts";
export { Execution, type RunFacts, type RunStatus } from "./execution.ts";
export type { Attempt, AttemptResult, Host, NodeState, Outputs } from "./host.ts";
export { Journal, type RunRecord } from "./journal.ts";
export {
  type CheckedRun,
  checkRun,
  type FinishedRun,
  type LocalOptions,
  resumeLocally,
  runLocally,
  type StartedRun,
} from "./local.ts";
export { ParameterError, resolveParameters } from "./parameters.ts";
export { redact } from "./process.ts";
export { type Interpreter, logFile } from "./processHost.ts";
export { type SubmitOptions, submit } from "./submit.ts";
