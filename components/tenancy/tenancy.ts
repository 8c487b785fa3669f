import * as pulumi from "@pulumi/pulumi";
import type { ChartName } from "../../charts.ts";
import type { ClusterTarget } from "../target.ts";
import { allowedFlows, checkTeams, namespacesOf } from "./flows.ts";
import type { Team } from "./limits.ts";
import { Namespace } from "./namespace.ts";
import { networkPolicies } from "./networkPolicies.ts";

export interface TenancyArgs {
  readonly target: ClusterTarget;
  readonly teams: readonly Team[];
  /** Charts that the stack installs; their namespaces are made here. */
  readonly systems: readonly ChartName[];
}

/** All namespaces of the stack and the walls between them. */
export class Tenancy extends pulumi.ComponentResource {
  private readonly namespaces: ReadonlyMap<string, Namespace>;

  constructor(name: string, args: TenancyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:tenancy:Tenancy", name, {}, opts);
    const { target, teams, systems } = args;
    const tenants = { target, systems, teams: teams.map((team) => team.name) };
    checkTeams(tenants.teams);
    const owned = namespacesOf(tenants);
    const policies = networkPolicies(owned, allowedFlows(tenants));
    this.namespaces = new Map(
      owned.map((namespace) => [
        namespace,
        new Namespace(
          namespace,
          {
            target,
            teams,
            name: namespace,
            policies: policies.filter((policy) => policy.metadata.namespace === namespace),
          },
          { parent: this },
        ),
      ]),
    );
    this.registerOutputs({});
  }

  /**
   * A namespace to depend on: whoever does waits for its policies, limits and Secrets too.
   *
   * @throws Error naming it when the stack has no such namespace.
   */
  namespace(name: string): Namespace {
    const namespace = this.namespaces.get(name);
    if (namespace === undefined) {
      throw new Error(`namespace "${name}" is not one of ${[...this.namespaces.keys()].join(", ")}`);
    }
    return namespace;
  }
}
