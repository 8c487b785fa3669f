/**
 * The part of a WorkflowTemplate that the runner executes, as a schema that knows no other field: what it does not
 * know it refuses, by name.
 */
import { z } from "zod";

/** Fields that say where and how pods run; a process has no use for them. */
const inert = z.unknown().optional();
const name = z.string().min(1);
/** Argo takes numbers and booleans for text. */
const anyText = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const inputParameter = z.strictObject({
  name,
  default: anyText.optional(),
  value: anyText.optional(),
  enum: z.array(anyText).optional(),
  description: z.string().optional(),
});
const argument = z.strictObject({ name, value: anyText });
const outputParameter = z.strictObject({
  name,
  valueFrom: z.strictObject({ path: z.string().startsWith("/"), default: anyText.optional() }),
  description: inert,
});
const inputArtifact = z.strictObject({
  name,
  path: z.string().startsWith("/"),
  optional: z.boolean().optional(),
});
const outputArtifact = inputArtifact;
const artifactArgument = z.strictObject({ name, from: z.string(), optional: z.boolean().optional() });

const keyReference = z.strictObject({ name, key: z.string(), optional: z.boolean().optional() });
const source = z.strictObject({ name, optional: z.boolean().optional() });

const container = z.strictObject({
  name: inert,
  image: z.string().min(1),
  imagePullPolicy: inert,
  command: z.array(z.string()).min(1),
  args: z.array(z.string()).default([]),
  env: z
    .array(
      z.union([
        z.strictObject({ name, value: z.string().default("") }),
        z.strictObject({ name, valueFrom: z.strictObject({ configMapKeyRef: keyReference }) }),
        z.strictObject({ name, valueFrom: z.strictObject({ secretKeyRef: keyReference }) }),
      ]),
    )
    .default([]),
  envFrom: z
    .array(z.union([z.strictObject({ configMapRef: source }), z.strictObject({ secretRef: source })]))
    .default([]),
  resources: z.looseObject({ requests: z.looseObject({ cpu: anyText.optional() }).optional() }).optional(),
  securityContext: inert,
  volumeMounts: z
    .array(z.strictObject({ name, mountPath: z.string().startsWith("/"), readOnly: z.boolean().optional() }))
    .default([]),
});

const seconds = z
  .union([z.int().positive(), z.string().regex(/^[1-9]\d*$/, "whole seconds")])
  .transform(Number);
const count = z.union([z.int().min(0), z.string().regex(/^\d+$/, "a whole number")]).transform(Number);
const duration = z.string().regex(/^\d+(?:\.\d+)?(?:ms|s|m|h)?$/, "a duration such as 30s, 5m, 1h");

const retryStrategy = z.strictObject({
  limit: count,
  retryPolicy: z.enum(["Always", "OnFailure", "OnError"]).optional(),
  expression: z.string().optional(),
  backoff: z
    .strictObject({
      duration,
      factor: count.optional(),
      cap: duration.optional(),
      maxDuration: duration.optional(),
    })
    .optional(),
});

const task = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9][-a-zA-Z0-9]*$/, "letters, digits and hyphens"),
  template: name,
  depends: z.string().optional(),
  when: z.string().optional(),
  withParam: z.string().optional(),
  withItems: z.array(z.unknown()).optional(),
  withSequence: z.strictObject({ count: anyText }).optional(),
  arguments: z
    .strictObject({
      parameters: z.array(argument).default([]),
      artifacts: z.array(artifactArgument).default([]),
    })
    .default({ parameters: [], artifacts: [] }),
});

const emptyDir = z.strictObject({ name, emptyDir: z.unknown() });

const template = z.strictObject({
  name,
  inputs: z
    .strictObject({
      parameters: z.array(inputParameter).default([]),
      artifacts: z.array(inputArtifact).default([]),
    })
    .default({ parameters: [], artifacts: [] }),
  outputs: z
    .strictObject({
      parameters: z.array(outputParameter).default([]),
      artifacts: z.array(outputArtifact).default([]),
    })
    .default({ parameters: [], artifacts: [] }),
  container: container.optional(),
  dag: z.strictObject({ tasks: z.array(task).min(1) }).optional(),
  activeDeadlineSeconds: seconds.optional(),
  retryStrategy: retryStrategy.optional(),
  parallelism: z.int().positive().optional(),
  volumes: z.array(emptyDir).default([]),
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).default({}) }).optional(),
  serviceAccountName: inert,
  automountServiceAccountToken: inert,
  nodeSelector: inert,
  tolerations: inert,
  affinity: inert,
  securityContext: inert,
});

export const workflowSpec = z.strictObject({
  entrypoint: name,
  onExit: name.optional(),
  arguments: z.strictObject({ parameters: z.array(inputParameter).default([]) }).default({ parameters: [] }),
  templates: z.array(template).min(1),
  activeDeadlineSeconds: seconds.optional(),
  parallelism: z.int().positive().optional(),
  workflowMetadata: inert,
  podMetadata: inert,
  serviceAccountName: inert,
  automountServiceAccountToken: inert,
  executor: inert,
  securityContext: inert,
  nodeSelector: inert,
  tolerations: inert,
  ttlStrategy: inert,
  podGC: inert,
  archiveLogs: inert,
});

export type WorkflowSpec = z.output<typeof workflowSpec>;
export type Template = z.output<typeof template>;
export type Task = z.output<typeof task>;
export type Container = z.output<typeof container>;
export type RetryStrategy = z.output<typeof retryStrategy>;
export type InputParameter = z.output<typeof inputParameter>;
