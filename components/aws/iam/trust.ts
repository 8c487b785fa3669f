/** Who may take on a role. */
import { document, type PolicyDocument } from "./document.ts";

/** Lets an AWS service take on the role. */
export function serviceTrust(
  service: string,
  actions: readonly string[] = ["sts:AssumeRole"],
): PolicyDocument {
  return document({
    Sid: "Service",
    Effect: "Allow",
    Principal: { Service: service },
    Action: actions,
  });
}

export interface ServiceAccountTrust {
  readonly oidcProviderArn: string;
  /** The cluster's OIDC issuer without `https://`. */
  readonly issuer: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/**
 * Lets the pods of one service account in one namespace take on the role (IRSA). Both the subject and
 * the audience are compared exactly: without the audience any token of the cluster would do.
 */
export function serviceAccountTrust(args: ServiceAccountTrust): PolicyDocument {
  return document({
    Sid: "ServiceAccount",
    Effect: "Allow",
    Principal: { Federated: args.oidcProviderArn },
    Action: ["sts:AssumeRoleWithWebIdentity"],
    Condition: {
      StringEquals: {
        [`${args.issuer}:sub`]: `system:serviceaccount:${args.namespace}:${args.serviceAccount}`,
        [`${args.issuer}:aud`]: "sts.amazonaws.com",
      },
    },
  });
}

export const githubIssuer = "token.actions.githubusercontent.com";

/**
 * A repository as GitHub's tokens call it: with the numbers of owner and repository where GitHub puts them
 * there, which it does for every repository made or renamed after July 15, 2026. A name can come to belong to
 * somebody else, a number cannot.
 *
 * @see https://docs.github.com/en/actions/reference/security/oidc
 */
export function githubName(
  repository: string,
  ids?: { readonly owner: number; readonly repository: number },
): string {
  if (ids === undefined) return repository;
  const [owner = "", name = ""] = repository.split("/");
  return `${owner}@${ids.owner}/${name}@${ids.repository}`;
}

/**
 * Lets GitHub Actions runs of one repository take on the role.
 *
 * @param repository as {@link githubName} gives it.
 * @param subject what runs: `ref:refs/heads/main` for a branch, `pull_request` for pull requests. A run for a
 *   pull request from a fork gets no token at all.
 */
export function githubTrust(oidcProviderArn: string, repository: string, subject: string): PolicyDocument {
  return document({
    Sid: "GitHubActions",
    Effect: "Allow",
    Principal: { Federated: oidcProviderArn },
    Action: ["sts:AssumeRoleWithWebIdentity"],
    Condition: {
      StringEquals: {
        [`${githubIssuer}:sub`]: `repo:${repository}:${subject}`,
        [`${githubIssuer}:aud`]: "sts.amazonaws.com",
      },
    },
  });
}
