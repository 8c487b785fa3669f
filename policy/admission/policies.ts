import type { Context } from "../rules/types.ts";
import { gpuRules, gpuVariables } from "./gpu.ts";
import { IMAGE_VARIABLES, imageRules } from "./images.ts";
import { MATCH_CONDITIONS, POD_VARIABLES, RESOURCE_RULES } from "./pod.ts";
import { adviceRules, safetyRules, safetyVariables } from "./safety.ts";
import { type CelRule, literal, type Variable } from "./types.ts";

/** A ValidatingAdmissionPolicy as the API takes it. */
export interface AdmissionPolicy {
  readonly apiVersion: "admissionregistration.k8s.io/v1";
  readonly kind: "ValidatingAdmissionPolicy";
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly failurePolicy: "Fail";
    readonly paramKind?: { readonly apiVersion: "v1"; readonly kind: "ConfigMap" };
    readonly matchConstraints: { readonly resourceRules: typeof RESOURCE_RULES };
    readonly matchConditions: typeof MATCH_CONDITIONS;
    readonly variables: readonly Variable[];
    readonly validations: readonly {
      readonly expression: string;
      readonly message: string;
      readonly messageExpression?: string;
    }[];
  };
}

/** Rules that are decided in the same way: those that deny, and those that warn. */
interface Group {
  readonly name: string;
  readonly warns?: true;
  /** True when the rules read the namespace's parameters. */
  readonly parameters?: true;
  readonly variables: readonly Variable[];
  readonly rules: readonly CelRule[];
}

function groups(context: Context): Group[] {
  const safety = [...IMAGE_VARIABLES, ...safetyVariables(context)];
  return [
    { name: "mlops-gpu", parameters: true, variables: gpuVariables(context), rules: gpuRules(context) },
    { name: "mlops-images", variables: IMAGE_VARIABLES, rules: imageRules(context) },
    { name: "mlops-safety", variables: safety, rules: safetyRules(context) },
    { name: "mlops-advice", warns: true, variables: safety, rules: adviceRules() },
  ];
}

/** Names of the policies, and how the binding of each is to act. */
export function policyGroups(context: Context): { name: string; warns: boolean; parameters: boolean }[] {
  return groups(context).map(({ name, warns = false, parameters = false }) => ({ name, warns, parameters }));
}

/** Names of the rules that admission decides. */
export function admissionRules(context: Context): string[] {
  return groups(context).flatMap(({ rules }) => rules.map(({ rule }) => rule));
}

/**
 * The policies that judge pods, and all built-in kinds that make pods, when they reach the API server. Custom
 * kinds (workflows, Ray clusters, rollouts) are not matched: the Pods that they make are, so that no kind which
 * somebody installs later is a way around. They fail closed, and do nothing until a binding names a namespace.
 */
export function admissionPolicies(context: Context): AdmissionPolicy[] {
  return groups(context).map(({ name, parameters, variables, rules }) => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      ...(parameters && { paramKind: { apiVersion: "v1", kind: "ConfigMap" } as const }),
      matchConstraints: { resourceRules: RESOURCE_RULES },
      matchConditions: MATCH_CONDITIONS,
      variables: [...POD_VARIABLES, ...variables],
      validations: rules.map(({ rule, expression, message, culprits }) => ({
        expression,
        message: `${rule}: ${message}`,
        ...(culprits && {
          messageExpression: `${literal(`${rule}: ${message}: `)} + ${culprits}.join(', ')`,
        }),
      })),
    },
  }));
}
