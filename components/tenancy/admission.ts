import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { admissionBindings, admissionParameters } from "../../policy/admission/bindings.ts";
import { admissionPolicies } from "../../policy/admission/policies.ts";
import type { Context, NamespaceFacts } from "../../policy/rules/types.ts";
import { type ClusterTarget, gpuCapacity } from "../target.ts";
import { pipelinesNamespace } from "./names.ts";

/** Namespace of the policies' parameters: users write to none of its objects. */
const parametersNamespace = "mlops-policies";

export interface AdmissionArgs {
  readonly target: ClusterTarget;
  /** What the policies are stated for; its `namespaces` are those of the teams. */
  readonly policies: Context;
}

/**
 * The API server fills in parts of what has to be applied as a whole, so that an object which a killed update
 * made could not be applied again. Nobody else makes objects of these names.
 */
const annotations = { "pulumi.com/patchForce": "true" };

/** Namespaces where users' pods run, and what each may use. */
export function guardedNamespaces({ target, policies }: AdmissionArgs): Record<string, NamespaceFacts> {
  const gpus = gpuCapacity(target);
  return {
    ...policies.namespaces,
    // Our own pipelines have no quota of their own: they may use what there is.
    [pipelinesNamespace]: { gpuQuota: gpus, maximumGpus: gpus },
  };
}

/**
 * The policies at the last door: what users submit later is judged by the API server itself.
 *
 * A binding waits for its parameters, because without them everything in its namespace is denied.
 */
export class Admission extends pulumi.ComponentResource {
  constructor(name: string, args: AdmissionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:tenancy:Admission", name, {}, opts);
    const { target, policies } = args;
    const options: pulumi.CustomResourceOptions = {
      parent: this,
      provider: target.provider,
      ...(target.deletedWith === undefined ? {} : { deletedWith: target.deletedWith }),
    };
    const home = new k8s.core.v1.Namespace(
      parametersNamespace,
      {
        metadata: {
          name: parametersNamespace,
          labels: { "pod-security.kubernetes.io/enforce": "restricted" },
        },
      },
      { ...options, dependsOn: [...target.dependsOn] },
    );
    const installed = admissionPolicies(policies).map(
      ({ metadata, spec }) =>
        new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
          metadata.name,
          { metadata: { ...metadata, annotations }, spec: mutable(spec) },
          { ...options, dependsOn: [...target.dependsOn] },
        ),
    );
    for (const [namespace, facts] of Object.entries(guardedNamespaces(args))) {
      const { metadata, data } = admissionParameters(namespace, parametersNamespace, facts);
      const parameters = new k8s.core.v1.ConfigMap(
        metadata.name,
        { metadata, data },
        { ...options, dependsOn: [home] },
      );
      for (const binding of admissionBindings(namespace, parametersNamespace, policies)) {
        new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
          binding.metadata.name,
          { metadata: { ...binding.metadata, annotations }, spec: mutable(binding.spec) },
          { ...options, dependsOn: [parameters, ...installed] },
        );
      }
    }
    this.registerOutputs({});
  }
}

/** The SDK's argument types know no readonly lists. */
type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;

function mutable<T>(value: T): Mutable<T> {
  return value as Mutable<T>;
}
