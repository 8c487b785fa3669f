import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { imagePush, type PreviewScope, previewReads } from "./iam/github.ts";
import { githubIssuer, githubName, githubTrust } from "./iam/trust.ts";
import { createRole } from "./roles.ts";

export interface GithubRolesArgs {
  readonly settings: NonNullable<AwsSettings["github"]>;
  readonly accountId: string;
  /** Repositories that the main branch pushes to. */
  readonly repositoryArns: readonly pulumi.Input<string>[];
  readonly preview: pulumi.Input<PreviewScope>;
}

/**
 * Roles for GitHub Actions without any stored key: one that pushes images from one branch, one that reads
 * for previews of pull requests.
 */
export class GithubRoles extends pulumi.ComponentResource {
  readonly imagePushArn: pulumi.Output<string>;
  readonly previewArn: pulumi.Output<string>;

  constructor(name: string, args: GithubRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:GithubRoles", name, {}, opts);
    const { repository, branch, ids } = args.settings;
    const named = githubName(repository, ids);
    const provider = this.identityProvider(name, args);
    this.imagePushArn = createRole(
      `${name}-image-push`,
      {
        description: `Pushes images from ${repository}, branch ${branch}`,
        trust: provider.apply((arn) => githubTrust(arn, named, `ref:refs/heads/${branch}`)),
        policy: pulumi.all([...args.repositoryArns]).apply((arns) => imagePush(arns)),
      },
      { parent: this },
    ).arn;
    this.previewArn = createRole(
      `${name}-preview`,
      {
        description: `Reads for previews of pull requests to ${repository}`,
        trust: provider.apply((arn) => githubTrust(arn, named, "pull_request")),
        policy: pulumi.output(args.preview).apply(previewReads),
      },
      { parent: this },
    ).arn;
    this.registerOutputs({ imagePushArn: this.imagePushArn, previewArn: this.previewArn });
  }

  private identityProvider(name: string, args: GithubRolesArgs): pulumi.Output<string> {
    if (!args.settings.createProvider) {
      return pulumi.output(`arn:aws:iam::${args.accountId}:oidc-provider/${githubIssuer}`);
    }
    return new aws.iam.OpenIdConnectProvider(
      `${name}-identity-provider`,
      { url: `https://${githubIssuer}`, clientIdLists: ["sts.amazonaws.com"] },
      { parent: this },
    ).arn;
  }
}
