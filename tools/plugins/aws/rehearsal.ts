import { z } from "zod";
import type { Place } from "./answers.ts";

/** What whoever rehearses tells the plugins; by environment, because the engine starts them. */
export interface Rehearsal {
  readonly place: Place;
  /** Default tags of the program's provider, which the SDK does not hand over to a plugin in JavaScript. */
  readonly tags: Readonly<Record<string, string>>;
  /** File for what AWS would have done. */
  readonly journal: string | undefined;
  /** Kubeconfig of the cluster that stands for the one on EKS. */
  readonly kubeconfig: string | undefined;
}

/** Names of the variables. */
export const variables = {
  accountId: "MLOPS_REHEARSAL_ACCOUNT",
  region: "MLOPS_REHEARSAL_REGION",
  tags: "MLOPS_REHEARSAL_TAGS",
  journal: "MLOPS_REHEARSAL_JOURNAL",
  kubeconfig: "MLOPS_REHEARSAL_KUBECONFIG",
} as const;

/**
 * Reads them.
 *
 * @throws Error when nobody rehearses: then this plugin is where a real one belongs.
 */
export function rehearsal(environment: NodeJS.ProcessEnv = process.env): Rehearsal {
  const required = (name: string): string => {
    const value = environment[name];
    if (value) return value;
    throw new Error(
      `${name} is not set: this plugin is for rehearsals (make rehearse STACK=aws), not for AWS`,
    );
  };
  return {
    place: { accountId: required(variables.accountId), region: required(variables.region) },
    tags: z.record(z.string(), z.string()).parse(JSON.parse(environment[variables.tags] ?? "{}")),
    journal: environment[variables.journal],
    kubeconfig: environment[variables.kubeconfig],
  };
}
