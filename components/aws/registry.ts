import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Place } from "./iam/document.ts";

export interface RegistryArgs extends Place {
  /** First part of every repository's name; unique in the account and region. */
  readonly prefix: pulumi.Input<string>;
  readonly images: readonly string[];
  readonly keyArn: pulumi.Input<string>;
  /** Whether repositories and images outlive the stack. */
  readonly retain: boolean;
}

/** Release images kept per repository; each is one commit of the main branch. */
const keptReleases = 100;
const untaggedDays = 7;

/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html */
export const lifecyclePolicy = {
  rules: [
    {
      rulePriority: 1,
      description: `Untagged images go after ${untaggedDays} days`,
      selection: {
        tagStatus: "untagged",
        countType: "sinceImagePushed",
        countUnit: "days",
        countNumber: untaggedDays,
      },
      action: { type: "expire" },
    },
    {
      rulePriority: 2,
      description: `The ${keptReleases} newest releases stay`,
      selection: {
        tagStatus: "tagged",
        tagPrefixList: ["v"],
        countType: "imageCountMoreThan",
        countNumber: keptReleases,
      },
      action: { type: "expire" },
    },
  ],
} as const;

/** ECR: one repository an image, whose tags never move and whose images are scanned when they arrive. */
export class Registry extends pulumi.ComponentResource {
  /** Registry and path that images are pulled from: `<url>/<image>:<tag>`. */
  readonly url: pulumi.Output<string>;
  readonly repositoryArns: readonly pulumi.Output<string>[];
  /** Repository address by image. */
  readonly repositoryUrls: Readonly<Record<string, pulumi.Output<string>>>;

  constructor(name: string, args: RegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:Registry", name, {}, opts);
    const options = { parent: this, retainOnDelete: args.retain };
    const repositories = args.images.map((image) => {
      const repository = new aws.ecr.Repository(
        `${name}-${image}`,
        {
          name: pulumi.interpolate`${args.prefix}/${image}`,
          imageTagMutability: "IMMUTABLE",
          imageScanningConfiguration: { scanOnPush: true },
          encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: args.keyArn }],
          forceDelete: !args.retain,
        },
        options,
      );
      new aws.ecr.LifecyclePolicy(
        `${name}-${image}-lifecycle`,
        { repository: repository.name, policy: JSON.stringify(lifecyclePolicy) },
        options,
      );
      return { image, repository };
    });
    this.url = pulumi.interpolate`${args.accountId}.dkr.ecr.${args.region}.amazonaws.com/${args.prefix}`;
    this.repositoryArns = repositories.map(({ repository }) => repository.arn);
    this.repositoryUrls = Object.fromEntries(
      repositories.map(({ image, repository }) => [image, repository.repositoryUrl]),
    );
    this.registerOutputs({ url: this.url });
  }
}
