/** Asks the IAM simulator, offline, whether a document lets a request through. */
import { runSimulation, runUnsafeSimulation, type Simulation } from "@cloud-copilot/iam-simulate";
import type { PolicyDocument } from "../../../components/aws/iam/document.ts";
import { dataKeyPolicy } from "../../../components/aws/iam/keys.ts";

export const accountId = "123456789012";
export const place = { region: "us-east-1", accountId };

type Context = Readonly<Record<string, string | readonly string[]>>;

export interface Request {
  readonly action: string;
  readonly resource: string;
  readonly context?: Context;
}

async function evaluate(
  request: Simulation["request"],
  policies: Pick<Simulation, "identityPolicies" | "resourcePolicy">,
): Promise<"allowed" | "denied"> {
  const result = await runSimulation(
    { request, serviceControlPolicies: [], resourceControlPolicies: [], ...policies },
    {},
  );
  if (result.resultType === "error") {
    throw new Error(`the simulator refuses ${request.action}: ${JSON.stringify(result.errors)}`);
  }
  if (result.resultType === "single" && (result.result.ignoredContextKeys ?? []).length > 0) {
    throw new Error(
      `the simulator ignores ${result.result.ignoredContextKeys?.join(", ")} for ${request.action}`,
    );
  }
  return result.overallResult === "Allowed" ? "allowed" : "denied";
}

function contextOf(context: Context | undefined): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(context ?? {}).map(([key, value]) => [
      key,
      typeof value === "string" ? value : [...value],
    ]),
  );
}

/** What a role with this policy gets for a request in its own account. */
export function simulate(policy: PolicyDocument, { action, resource, context }: Request) {
  return evaluate(
    {
      principal: `arn:aws:iam::${accountId}:role/simulated`,
      action,
      resource: { resource, accountId },
      contextVariables: contextOf(context),
    },
    {
      identityPolicies: [{ name: "policy", policy }],
      // A key is the one resource whose own policy must agree, here with what IAM says.
      ...(action.startsWith("kms:") ? { resourcePolicy: dataKeyPolicy(place) } : {}),
    },
  );
}

/**
 * Whether someone with a token of an identity provider may take on a role with this trust.
 *
 * The checked simulation drops claims of issuers that it does not know (a cluster's own), and the unchecked
 * one fails on resource policies. So the principal is compared here, and the simulator judges the
 * conditions of the statements that are left as if they were the caller's.
 */
export function simulateTrust(
  trust: PolicyDocument,
  providerArn: string,
  claims: Context,
): "allowed" | "denied" {
  const resource = `arn:aws:iam::${accountId}:role/simulated`;
  const statements = trust.Statement.filter(
    ({ Principal }) =>
      typeof Principal === "object" && "Federated" in Principal && Principal.Federated === providerArn,
  ).map(({ Principal: _, ...statement }) => ({ ...statement, Resource: resource }));
  if (statements.length === 0) return "denied";
  const result = runUnsafeSimulation(
    {
      request: {
        principal: `arn:aws:iam::${accountId}:role/caller`,
        action: "sts:AssumeRoleWithWebIdentity",
        resource: { resource, accountId },
        contextVariables: contextOf(claims),
      },
      identityPolicies: [{ name: "trust", policy: { ...trust, Statement: statements } }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  return result === "Allowed" ? "allowed" : "denied";
}

/** What a resource's own policy makes of a request that the caller's policies allow. */
export function simulateResourcePolicy(
  resourcePolicy: PolicyDocument,
  { action, resource, context }: Request,
) {
  return evaluate(
    {
      principal: `arn:aws:iam::${accountId}:role/simulated`,
      action,
      resource: { resource, accountId },
      contextVariables: contextOf(context),
    },
    {
      identityPolicies: [
        {
          name: "everything",
          policy: {
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
          },
        },
      ],
      resourcePolicy,
    },
  );
}
