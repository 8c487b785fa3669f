import { z } from "zod";
import { isEmpty, objectAt } from "../json.ts";
import { defineRule } from "../rule.ts";
import type { Rule } from "../types.ts";

/** Types whose resources cost money or hold data, and that take `tags` as a map. */
export const taggedTypes: readonly string[] = [
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:dynamodb/table:Table",
  "aws:ebs/volume:Volume",
  "aws:ec2/eip:Eip",
  "aws:ec2/instance:Instance",
  "aws:ec2/internetGateway:InternetGateway",
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:ec2/natGateway:NatGateway",
  "aws:ec2/routeTable:RouteTable",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/vpc:Vpc",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ecr/repository:Repository",
  "aws:efs/fileSystem:FileSystem",
  "aws:eks/cluster:Cluster",
  "aws:eks/nodeGroup:NodeGroup",
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
  "aws:iam/policy:Policy",
  "aws:iam/role:Role",
  "aws:kms/key:Key",
  "aws:lambda/function:Function",
  "aws:lb/loadBalancer:LoadBalancer",
  "aws:rds/cluster:Cluster",
  "aws:rds/instance:Instance",
  "aws:s3/bucket:Bucket",
  "aws:s3/bucketV2:BucketV2",
  "aws:secretsmanager/secret:Secret",
  "aws:sns/topic:Topic",
  "aws:sqs/queue:Queue",
];

const required = z.object({
  required: z
    .array(z.string())
    .default(["Project", "Stack", "Owner", "CostCenter"])
    .describe("Tags that every resource that costs money or holds data carries"),
});

const requiredTags = defineRule({
  name: "aws-required-tags",
  description: "Resources say which project and stack they belong to, who owns them and who pays.",
  level: "remediate",
  target: "aws",
  types: taggedTypes,
  knobs: required,
  check: (inputs, _context, settings) =>
    missingTags(inputs, settings.required).map((tag) => ({
      path: ["tags", tag],
      message: `tag ${tag} is missing`,
      fix: `set tags.${tag}, or defaultTags of the provider`,
    })),
  remediate: (inputs, { tags }, settings) =>
    missingTags(inputs, settings.required)
      .filter((tag) => Object.hasOwn(tags, tag))
      .map((tag) => ({ path: ["tags", tag], value: tags[tag] })),
});

function missingTags(inputs: unknown, names: readonly string[]): string[] {
  const tags = objectAt(inputs, "tags");
  return names.filter((name) => isEmpty(tags[name]));
}

export const tagRules: readonly Rule[] = [requiredTags];
