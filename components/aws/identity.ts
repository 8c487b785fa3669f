import * as pulumi from "@pulumi/pulumi";
import type { Buckets, Grant, WorkloadIdentity } from "../target.ts";
import { bucketAccess } from "./iam/buckets.ts";
import { serviceAccountTrust } from "./iam/trust.ts";
import { roleAnnotation } from "./roleAnnotation.ts";
import { createRole, type PolicyInput, type Role, type RoleArgs } from "./roles.ts";

export interface IdentityArgs {
  readonly region: string;
  readonly oidcProviderArn: pulumi.Input<string>;
  /** The cluster's OIDC issuer without `https://`. */
  readonly issuer: pulumi.Input<string>;
  readonly bucketArns: Readonly<Record<keyof Buckets, pulumi.Input<string>>>;
  /** Key that encrypts the buckets. */
  readonly dataKeyArn: pulumi.Input<string>;
}

/** What a role may do: a policy of ours, or AWS's own for a part of the cluster that AWS makes. */
export type Permissions = Pick<RoleArgs, "policy" | "managedPolicies">;

/**
 * Roles of service accounts (IRSA), each made the first time that it is asked for.
 *
 * The platform asks where a system's values are put together, possibly several times for one account.
 */
export class ServiceAccountRoles {
  private readonly args: IdentityArgs;
  private readonly parent: pulumi.Resource;
  private readonly made = new Map<string, { readonly wanted: string; readonly role: Role }>();

  constructor(args: IdentityArgs, parent: pulumi.Resource) {
    this.args = args;
    this.parent = parent;
  }

  /**
   * Identity of a workload that uses buckets.
   *
   * @throws Error when the same service account was given other grants before.
   */
  workload(namespace: string, name: string, grants: readonly Grant[]): WorkloadIdentity {
    if (grants.length === 0) return { annotations: {} };
    const role = this.once(namespace, name, JSON.stringify(grants), () => ({
      policy: this.bucketPolicy(grants),
    }));
    return { annotations: roleAnnotation(role.arn) };
  }

  /** Role of a controller of the cluster, with permissions of its own. */
  controller(namespace: string, name: string, permissions: Permissions): Role {
    return this.once(namespace, name, "controller", () => permissions);
  }

  /** ARNs of all roles made so far, by `namespace/name`. */
  arns(): Record<string, pulumi.Output<string>> {
    return Object.fromEntries([...this.made].map(([key, { role }]) => [key, role.arn]));
  }

  private once(namespace: string, name: string, wanted: string, permissions: () => Permissions): Role {
    const key = `${namespace}/${name}`;
    const existing = this.made.get(key);
    if (existing !== undefined) {
      if (existing.wanted === wanted) return existing.role;
      throw new Error(`service account ${key} asks for ${wanted}, but has a role for ${existing.wanted}`);
    }
    const role = this.create(namespace, name, permissions());
    this.made.set(key, { wanted, role });
    return role;
  }

  private create(namespace: string, name: string, permissions: Permissions): Role {
    const { oidcProviderArn, issuer } = this.args;
    return createRole(
      `${namespace}-${name}`,
      {
        description: `Service account ${namespace}/${name}`,
        trust: pulumi.all([oidcProviderArn, issuer]).apply(([provider, issuerHost]) =>
          serviceAccountTrust({
            oidcProviderArn: provider,
            issuer: issuerHost,
            namespace,
            serviceAccount: name,
          }),
        ),
        ...permissions,
      },
      { parent: this.parent },
    );
  }

  private bucketPolicy(grants: readonly Grant[]): PolicyInput {
    const { bucketArns, dataKeyArn, region } = this.args;
    return pulumi
      .all([pulumi.all(grants.map(({ bucket }) => bucketArns[bucket])), dataKeyArn])
      .apply(([arns, arn]) =>
        bucketAccess(
          grants.map(({ access }, index) => ({ bucketArn: arns[index] ?? "", access })),
          { arn, region },
        ),
      );
  }
}
