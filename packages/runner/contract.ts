/** What compiler, deployment and runner agree on; light enough for the Pulumi program to import. */
export { canonical, specHash } from "./canonical.ts";

/** Annotation of a WorkflowTemplate with the types of its parameters, which Argo has no words for. */
export const parametersAnnotation = "mlops.dev/parameters";

/** Annotation of a WorkflowTemplate whose steps need the gateway: JSON list of the model servers that they need, too. */
export const servingAnnotation = "mlops.dev/serving";

/** Annotation of a step's template: `true` if a resumed run must not reuse what the step did. */
export const rerunAnnotation = "mlops.dev/rerun";

/** ConfigMap with the addresses, buckets and rates that every step reads from its environment. */
export const platformConfigMap = "platform";

/** Annotation of that ConfigMap: `false` on a cluster whose nodes are simulated. */
export const runsPodsAnnotation = "mlops.dev/runs-pods";
