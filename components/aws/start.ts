import * as aws from "@pulumi/aws";
import * as eks from "@pulumi/eks";
import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { commonTags } from "./tags.ts";

/** What everything else on AWS hangs on. */
export interface AwsStart {
  readonly aws: aws.Provider;
  readonly eks: eks.Provider;
  /** Tells the names of what outlives the stack (retained buckets, logs, snapshots) from those of the next one. */
  readonly suffix: pulumi.Output<string>;
}

/** The first resources of a stack on AWS: the engine starts the plugins of their packages when it gets them. */
export function startAws(settings: AwsSettings, stack: string): AwsStart {
  return {
    aws: new aws.Provider("aws", {
      region: settings.region as aws.Region,
      // Credentials of another account are an error before anything is made.
      allowedAccountIds: [settings.accountId],
      defaultTags: { tags: commonTags(stack, settings) },
    }),
    eks: new eks.Provider("eks"),
    suffix: new random.RandomId("aws-suffix", { byteLength: 3 }).hex,
  };
}
