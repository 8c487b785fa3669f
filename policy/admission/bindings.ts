import type { Context, NamespaceFacts } from "../rules/types.ts";
import { policyGroups } from "./policies.ts";

/** A ValidatingAdmissionPolicyBinding as the API takes it. */
export interface AdmissionBinding {
  readonly apiVersion: "admissionregistration.k8s.io/v1";
  readonly kind: "ValidatingAdmissionPolicyBinding";
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly policyName: string;
    readonly validationActions: readonly ("Deny" | "Warn" | "Audit")[];
    readonly matchResources: {
      readonly namespaceSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    };
    readonly paramRef?: {
      readonly name: string;
      readonly namespace: string;
      readonly parameterNotFoundAction: "Deny";
    };
  };
}

/** The ConfigMap that GPU policies read what a namespace may use from. */
export interface AdmissionParameters {
  readonly apiVersion: "v1";
  readonly kind: "ConfigMap";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly data: { readonly gpuQuota: string; readonly maximumGpus: string };
}

/**
 * Bindings that put every policy into force in a namespace.
 * @param parametersNamespace where the parameters are: one that the namespace's users cannot write to
 */
export function admissionBindings(
  namespace: string,
  parametersNamespace: string,
  context: Context,
): AdmissionBinding[] {
  return policyGroups(context).map(({ name, warns, parameters }) => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name: `${name}-${namespace}` },
    spec: {
      policyName: name,
      validationActions: warns ? ["Warn", "Audit"] : ["Deny"],
      matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
      ...(parameters && {
        paramRef: {
          name: parametersName(namespace),
          namespace: parametersNamespace,
          parameterNotFoundAction: "Deny",
        } as const,
      }),
    },
  }));
}

/** What a namespace may use, for the bindings to read. Without it everything there is denied. */
export function admissionParameters(
  namespace: string,
  parametersNamespace: string,
  { gpuQuota, maximumGpus }: NamespaceFacts,
): AdmissionParameters {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: parametersName(namespace), namespace: parametersNamespace },
    data: { gpuQuota: String(gpuQuota), maximumGpus: String(maximumGpus) },
  };
}

function parametersName(namespace: string): string {
  return `mlops-policy-${namespace}`;
}
