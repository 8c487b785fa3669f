import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { PrepareContext } from "./system.ts";

/** Options that every object of a system shares: its provider, its parent, and how it goes away. */
export function objectOptions(
  context: PrepareContext,
  dependsOn: readonly pulumi.Resource[] = [context.namespace],
): pulumi.CustomResourceOptions {
  const { target, parent } = context;
  return {
    parent,
    provider: target.provider,
    dependsOn: [...dependsOn],
    ...(target.deletedWith === undefined ? {} : { deletedWith: target.deletedWith }),
  };
}

/**
 * A password of letters and digits that is made once and kept in the stack's state, encrypted.
 *
 * No special characters: some charts put passwords into URLs or command lines unquoted.
 *
 * @param name logical name; changing it makes a new password.
 * @param length number of characters; 32 letters and digits carry 190 bits.
 */
export function generatedPassword(name: string, parent: pulumi.Resource, length = 32): random.RandomPassword {
  return new random.RandomPassword(
    name,
    { length, special: false },
    { parent, additionalSecretOutputs: ["result", "bcryptHash"] },
  );
}

export interface OpaqueSecretArgs {
  readonly namespace: string;
  /** Name in the cluster, which the chart's values refer to. */
  readonly secretName: string;
  readonly stringData: Readonly<Record<string, pulumi.Input<string>>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A Secret that a chart takes as `existingSecret`; its contents never enter Helm values. */
export function opaqueSecret(
  name: string,
  context: PrepareContext,
  args: OpaqueSecretArgs,
): k8s.core.v1.Secret {
  return new k8s.core.v1.Secret(
    name,
    {
      metadata: {
        name: args.secretName,
        namespace: args.namespace,
        ...(args.labels === undefined ? {} : { labels: args.labels }),
      },
      type: "Opaque",
      stringData: args.stringData,
    },
    { ...objectOptions(context), additionalSecretOutputs: ["data", "stringData"] },
  );
}
