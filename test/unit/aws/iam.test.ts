import { describe, expect, it } from "vitest";
import { bucketAccess, bucketPolicy } from "../../../components/aws/iam/buckets.ts";
import { autoscaler, ebsCsi, secretReads } from "../../../components/aws/iam/controllers.ts";
import { dnsChallenges, dnsRecords } from "../../../components/aws/iam/dns.ts";
import { type PolicyDocument, unscoped } from "../../../components/aws/iam/document.ts";
import { imagePush, previewReads } from "../../../components/aws/iam/github.ts";
import { clusterKeyPolicy, dataKeyPolicy } from "../../../components/aws/iam/keys.ts";
import { loadBalancers } from "../../../components/aws/iam/loadBalancers.ts";
import {
  githubName,
  githubTrust,
  serviceAccountTrust,
  serviceTrust,
} from "../../../components/aws/iam/trust.ts";
import {
  accountId,
  place,
  type Request,
  simulate,
  simulateResourcePolicy,
  simulateTrust,
} from "./simulate.ts";

const registry = "arn:aws:s3:::model-registry-1a2b3c4";
const datasets = "arn:aws:s3:::datasets-1a2b3c4";
const key = { arn: `arn:aws:kms:us-east-1:${accountId}:key/data`, region: "us-east-1" };
const cluster = { ...place, clusterName: "mlops-aws-a1b2c3" };
const otherCluster = "mlops-other-ffffff";
const ec2 = (resource: string) => `arn:aws:ec2:us-east-1:${accountId}:${resource}`;
const elb = (resource: string) => `arn:aws:elasticloadbalancing:us-east-1:${accountId}:${resource}`;
const nodeGroup = `arn:aws:autoscaling:us-east-1:${accountId}:autoScalingGroup:1:autoScalingGroupName/g`;
const secret = (name: string) => `arn:aws:secretsmanager:us-east-1:${accountId}:secret:${name}`;
const repository = (name: string) => `arn:aws:ecr:us-east-1:${accountId}:repository/${name}`;
const zone = "arn:aws:route53:::hostedzone/ZOURS";

/** Documents that roles get, as the stack fills them in. */
const policies = {
  triton: bucketAccess([{ bucketArn: registry, access: "read" }], key),
  training: bucketAccess(
    [
      { bucketArn: datasets, access: "read" },
      { bucketArn: registry, access: "readWrite" },
    ],
    key,
  ),
  autoscaler: autoscaler(cluster),
  ebsCsi: ebsCsi(place),
  externalSecrets: secretReads([secret("mlflow-AbCdEf")], key),
  loadBalancers: loadBalancers({ ...cluster, vpcId: "vpc-ours", nodeSecurityGroupId: "sg-nodes" }),
  dnsRecords: dnsRecords("ZOURS"),
  dnsChallenges: dnsChallenges("ZOURS"),
  imagePush: imagePush([repository("mlops/training")]),
  preview: previewReads({ ...place, bucketArns: [registry, datasets], hostedZoneId: "ZOURS" }),
} as const satisfies Record<string, PolicyDocument>;

const throughS3 = { "kms:ViaService": "s3.us-east-1.amazonaws.com" };
const ownTag = { "aws:ResourceTag/elbv2.k8s.aws/cluster": cluster.clusterName };
const otherTag = { "aws:ResourceTag/elbv2.k8s.aws/cluster": otherCluster };
const newTag = { "aws:RequestTag/elbv2.k8s.aws/cluster": cluster.clusterName };
const driverTag = { "ec2:ResourceTag/ebs.csi.aws.com/cluster": "true" };

type Case = readonly [what: string, request: Request];

/** What each role may and may not do. */
const cases: Readonly<
  Record<keyof typeof policies, { readonly allowed: readonly Case[]; readonly denied: readonly Case[] }>
> = {
  triton: {
    allowed: [
      ["read a model", { action: "s3:GetObject", resource: `${registry}/triton/m/1/model.onnx` }],
      ["list the registry", { action: "s3:ListBucket", resource: registry }],
      ["decrypt through S3", { action: "kms:Decrypt", resource: key.arn, context: throughS3 }],
    ],
    denied: [
      ["write a model", { action: "s3:PutObject", resource: `${registry}/triton/m/1/model.onnx` }],
      ["delete a model", { action: "s3:DeleteObject", resource: `${registry}/triton/m` }],
      ["read a data set", { action: "s3:GetObject", resource: `${datasets}/train.csv` }],
      ["encrypt", { action: "kms:GenerateDataKey", resource: key.arn, context: throughS3 }],
      [
        "decrypt secrets with the same key",
        {
          action: "kms:Decrypt",
          resource: key.arn,
          context: { "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com" },
        },
      ],
      ["change the bucket's policy", { action: "s3:PutBucketPolicy", resource: registry }],
    ],
  },
  training: {
    allowed: [
      ["read a data set", { action: "s3:GetObject", resource: `${datasets}/train.csv` }],
      ["write a model", { action: "s3:PutObject", resource: `${registry}/m/1` }],
      ["abort an upload", { action: "s3:AbortMultipartUpload", resource: `${registry}/m/1` }],
      ["encrypt through S3", { action: "kms:GenerateDataKey", resource: key.arn, context: throughS3 }],
    ],
    denied: [
      ["change a data set", { action: "s3:PutObject", resource: `${datasets}/train.csv` }],
      ["delete old versions for good", { action: "s3:DeleteObjectVersion", resource: `${registry}/m/1` }],
      ["delete the bucket", { action: "s3:DeleteBucket", resource: registry }],
      ["read another bucket", { action: "s3:GetObject", resource: "arn:aws:s3:::someone-elses/x" }],
    ],
  },
  autoscaler: {
    allowed: [
      ["look at scaling groups", { action: "autoscaling:DescribeAutoScalingGroups", resource: "*" }],
      [
        "resize its own node group",
        {
          action: "autoscaling:SetDesiredCapacity",
          resource: nodeGroup,
          context: { [`aws:ResourceTag/k8s.io/cluster-autoscaler/${cluster.clusterName}`]: "owned" },
        },
      ],
      [
        "read its node groups",
        {
          action: "eks:DescribeNodegroup",
          resource: `arn:aws:eks:us-east-1:${accountId}:nodegroup/${cluster.clusterName}/gpu-l4/1`,
        },
      ],
    ],
    denied: [
      [
        "resize another cluster's node group",
        {
          action: "autoscaling:SetDesiredCapacity",
          resource: nodeGroup,
          context: { [`aws:ResourceTag/k8s.io/cluster-autoscaler/${otherCluster}`]: "owned" },
        },
      ],
      ["resize an untagged group", { action: "autoscaling:SetDesiredCapacity", resource: nodeGroup }],
      ["delete a group", { action: "autoscaling:DeleteAutoScalingGroup", resource: nodeGroup }],
      ["start instances by itself", { action: "ec2:RunInstances", resource: ec2("instance/*") }],
    ],
  },
  ebsCsi: {
    allowed: [
      [
        "create an encrypted volume",
        {
          action: "ec2:CreateVolume",
          resource: ec2("volume/*"),
          context: { "aws:RequestTag/ebs.csi.aws.com/cluster": "true", "ec2:Encrypted": "true" },
        },
      ],
      [
        "delete its own volume",
        { action: "ec2:DeleteVolume", resource: ec2("volume/vol-1"), context: driverTag },
      ],
      [
        "attach its own volume",
        { action: "ec2:AttachVolume", resource: ec2("volume/vol-1"), context: driverTag },
      ],
    ],
    denied: [
      [
        "create a volume in the clear",
        {
          action: "ec2:CreateVolume",
          resource: ec2("volume/*"),
          context: { "aws:RequestTag/ebs.csi.aws.com/cluster": "true", "ec2:Encrypted": "false" },
        },
      ],
      ["delete a node's root volume", { action: "ec2:DeleteVolume", resource: ec2("volume/vol-1") }],
      ["take over a volume by tagging it", { action: "ec2:CreateTags", resource: ec2("volume/vol-1") }],
      ["stop a node", { action: "ec2:TerminateInstances", resource: ec2("instance/i-1") }],
    ],
  },
  externalSecrets: {
    allowed: [
      [
        "read MLflow's credentials",
        { action: "secretsmanager:GetSecretValue", resource: secret("mlflow-AbCdEf") },
      ],
      [
        "decrypt them",
        {
          action: "kms:Decrypt",
          resource: key.arn,
          context: { "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com" },
        },
      ],
    ],
    denied: [
      [
        "read another secret",
        { action: "secretsmanager:GetSecretValue", resource: secret("payroll-AbCdEf") },
      ],
      ["change a secret", { action: "secretsmanager:PutSecretValue", resource: secret("mlflow-AbCdEf") }],
      ["decrypt objects", { action: "kms:Decrypt", resource: key.arn, context: throughS3 }],
    ],
  },
  loadBalancers: {
    allowed: [
      [
        "create a load balancer for its cluster",
        {
          action: "elasticloadbalancing:CreateLoadBalancer",
          resource: elb("loadbalancer/app/*/*"),
          context: newTag,
        },
      ],
      [
        "delete its own load balancer",
        {
          action: "elasticloadbalancing:DeleteLoadBalancer",
          resource: elb("loadbalancer/app/k8s/1"),
          context: ownTag,
        },
      ],
      [
        "delete its own security group",
        { action: "ec2:DeleteSecurityGroup", resource: ec2("security-group/sg-1"), context: ownTag },
      ],
      [
        "let load balancers reach the nodes",
        { action: "ec2:AuthorizeSecurityGroupIngress", resource: ec2("security-group/sg-nodes") },
      ],
      [
        "create a security group in the VPC",
        { action: "ec2:CreateSecurityGroup", resource: ec2("vpc/vpc-ours") },
      ],
      [
        "add a listener",
        {
          action: "elasticloadbalancing:CreateListener",
          resource: elb("loadbalancer/app/k8s/1"),
          context: ownTag,
        },
      ],
    ],
    denied: [
      [
        "create a load balancer without its mark",
        { action: "elasticloadbalancing:CreateLoadBalancer", resource: elb("loadbalancer/app/*/*") },
      ],
      [
        "delete another cluster's load balancer",
        {
          action: "elasticloadbalancing:DeleteLoadBalancer",
          resource: elb("loadbalancer/app/k8s/1"),
          context: otherTag,
        },
      ],
      [
        "open another security group",
        { action: "ec2:AuthorizeSecurityGroupIngress", resource: ec2("security-group/sg-database") },
      ],
      [
        "create a security group in another VPC",
        { action: "ec2:CreateSecurityGroup", resource: ec2("vpc/vpc-theirs") },
      ],
      [
        "make other services' roles",
        {
          action: "iam:CreateServiceLinkedRole",
          resource: `arn:aws:iam::${accountId}:role/aws-service-role/spot.amazonaws.com/x`,
          context: { "iam:AWSServiceName": "spot.amazonaws.com" },
        },
      ],
    ],
  },
  dnsRecords: {
    allowed: [["change records of its zone", { action: "route53:ChangeResourceRecordSets", resource: zone }]],
    denied: [
      [
        "change another zone",
        {
          action: "route53:ChangeResourceRecordSets",
          resource: "arn:aws:route53:::hostedzone/ZTHEIRS",
        },
      ],
      ["delete its zone", { action: "route53:DeleteHostedZone", resource: zone }],
    ],
  },
  dnsChallenges: {
    allowed: [
      [
        "answer a challenge",
        {
          action: "route53:ChangeResourceRecordSets",
          resource: zone,
          context: { "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"] },
        },
      ],
    ],
    denied: [
      [
        "redirect a name",
        {
          action: "route53:ChangeResourceRecordSets",
          resource: zone,
          context: { "route53:ChangeResourceRecordSetsRecordTypes": ["TXT", "A"] },
        },
      ],
    ],
  },
  imagePush: {
    allowed: [
      ["log in", { action: "ecr:GetAuthorizationToken", resource: "*" }],
      ["push an image", { action: "ecr:PutImage", resource: repository("mlops/training") }],
      ["upload a layer", { action: "ecr:UploadLayerPart", resource: repository("mlops/training") }],
    ],
    denied: [
      ["push to another repository", { action: "ecr:PutImage", resource: repository("other/app") }],
      ["delete an image", { action: "ecr:BatchDeleteImage", resource: repository("mlops/training") }],
      ["let tags move", { action: "ecr:PutImageTagMutability", resource: repository("mlops/training") }],
      ["read a model", { action: "s3:GetObject", resource: `${registry}/m` }],
      [
        "enter the cluster",
        { action: "eks:DescribeCluster", resource: `arn:aws:eks:us-east-1:${accountId}:cluster/c` },
      ],
    ],
  },
  preview: {
    allowed: [
      ["look at the network", { action: "ec2:DescribeVpcs", resource: "*" }],
      ["look at a bucket's settings", { action: "s3:GetBucketVersioning", resource: registry }],
      ["look at a role", { action: "iam:GetRole", resource: `arn:aws:iam::${accountId}:role/x` }],
    ],
    denied: [
      ["read an object", { action: "s3:GetObject", resource: `${registry}/m` }],
      ["read a secret", { action: "secretsmanager:GetSecretValue", resource: secret("mlflow") }],
      ["decrypt", { action: "kms:Decrypt", resource: key.arn }],
      ["change a role", { action: "iam:PutRolePolicy", resource: `arn:aws:iam::${accountId}:role/x` }],
      ["pass a role", { action: "iam:PassRole", resource: `arn:aws:iam::${accountId}:role/x` }],
      [
        "read logs",
        {
          action: "logs:GetLogEvents",
          resource: `arn:aws:logs:us-east-1:${accountId}:log-group:g:log-stream:s`,
        },
      ],
      ["start an instance", { action: "ec2:RunInstances", resource: ec2("instance/*") }],
    ],
  },
};

describe.each(Object.keys(cases) as (keyof typeof cases)[])("the role of %s", (name) => {
  it.each(cases[name].allowed)("may %s", async (_, request) => {
    expect(await simulate(policies[name], request)).toBe("allowed");
  });
  it.each(cases[name].denied)("may not %s", async (_, request) => {
    expect(await simulate(policies[name], request)).toBe("denied");
  });
});

describe("trust", () => {
  const issuer = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE";
  const provider = `arn:aws:iam::${accountId}:oidc-provider/${issuer}`;
  const trust = serviceAccountTrust({
    oidcProviderArn: provider,
    issuer,
    namespace: "mlflow",
    serviceAccount: "mlflow",
  });
  const claims = (subject: string, audience = "sts.amazonaws.com") => ({
    [`${issuer}:sub`]: subject,
    [`${issuer}:aud`]: audience,
  });

  it("lets its service account in", () => {
    expect(simulateTrust(trust, provider, claims("system:serviceaccount:mlflow:mlflow"))).toBe("allowed");
  });

  it.each([
    ["another service account", claims("system:serviceaccount:mlflow:default"), provider],
    ["the same name in another namespace", claims("system:serviceaccount:team-a:mlflow"), provider],
    ["a longer name", claims("system:serviceaccount:mlflow:mlflow-2"), provider],
    ["a token for someone else", claims("system:serviceaccount:mlflow:mlflow", "vault"), provider],
    ["a token without a subject", { [`${issuer}:aud`]: "sts.amazonaws.com" }, provider],
    [
      "another cluster's token",
      claims("system:serviceaccount:mlflow:mlflow"),
      `arn:aws:iam::${accountId}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/OTHER`,
    ],
  ])("keeps out %s", (_, context, from) => {
    expect(simulateTrust(trust, from, context)).toBe("denied");
  });

  const github = `arn:aws:iam::${accountId}:oidc-provider/token.actions.githubusercontent.com`;
  const run = (subject: string, audience = "sts.amazonaws.com") => ({
    "token.actions.githubusercontent.com:sub": subject,
    "token.actions.githubusercontent.com:aud": audience,
  });
  const push = githubTrust(github, "example/platform", "ref:refs/heads/main");
  const preview = githubTrust(github, "example/platform", "pull_request");

  it("lets a repository in by its number, and no other that came to have its name", () => {
    const named = githubName("example/platform", { owner: 4711, repository: 1234567 });
    const trusted = githubTrust(github, named, "pull_request");
    const judge = (repository: string) =>
      simulateTrust(trusted, github, run(`repo:${repository}:pull_request`));
    expect(judge("example@4711/platform@1234567")).toBe("allowed");
    expect(judge("example@4711/platform@7654321")).toBe("denied");
    expect(judge("example@1/platform@1234567")).toBe("denied");
    expect(judge("example/platform")).toBe("denied");
    expect(githubName("example/platform")).toBe("example/platform");
  });

  it("lets the main branch push, and pull requests preview", () => {
    expect(simulateTrust(push, github, run("repo:example/platform:ref:refs/heads/main"))).toBe("allowed");
    expect(simulateTrust(preview, github, run("repo:example/platform:pull_request"))).toBe("allowed");
  });

  it.each([
    ["another branch", run("repo:example/platform:ref:refs/heads/dev"), push],
    ["a tag", run("repo:example/platform:ref:refs/tags/main"), push],
    ["a pull request", run("repo:example/platform:pull_request"), push],
    ["another repository", run("repo:example/fork:ref:refs/heads/main"), push],
    ["a repository with a longer name", run("repo:evil/example/platform:ref:refs/heads/main"), push],
    ["another audience", run("repo:example/platform:ref:refs/heads/main", "sigstore"), push],
    ["the main branch, for previews", run("repo:example/platform:ref:refs/heads/main"), preview],
  ])("keeps out %s", (_, context, trusted) => {
    expect(simulateTrust(trusted, github, context)).toBe("denied");
  });
});

describe("a bucket's own policy", () => {
  const policy = bucketPolicy(registry, key.arn);
  const tls = { "aws:SecureTransport": "true" };
  const put = (context: Readonly<Record<string, string>>) =>
    simulateResourcePolicy(policy, {
      action: "s3:PutObject",
      resource: `${registry}/m`,
      context: { ...tls, ...context },
    });

  it("refuses requests without TLS, reading ones too", async () => {
    const get = (secure: string) =>
      simulateResourcePolicy(policy, {
        action: "s3:GetObject",
        resource: `${registry}/m`,
        context: { "aws:SecureTransport": secure },
      });
    expect(await get("false")).toBe("denied");
    expect(await get("true")).toBe("allowed");
  });

  it("takes objects that say nothing of encryption, or name its key", async () => {
    expect(await put({})).toBe("allowed");
    expect(
      await put({
        "s3:x-amz-server-side-encryption": "aws:kms",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": key.arn,
      }),
    ).toBe("allowed");
  });

  it("refuses objects under another key or another encryption", async () => {
    const other = `arn:aws:kms:us-east-1:${accountId}:key/other`;
    expect(await put({ "s3:x-amz-server-side-encryption-aws-kms-key-id": other })).toBe("denied");
    expect(await put({ "s3:x-amz-server-side-encryption": "AES256" })).toBe("denied");
  });
});

describe("every document", () => {
  const all: Readonly<Record<string, PolicyDocument>> = {
    ...policies,
    clusterKey: clusterKeyPolicy(place, "/aws/eks/c/cluster"),
    dataKey: dataKeyPolicy(place),
    bucket: bucketPolicy(registry, key.arn),
    nodes: serviceTrust("ec2.amazonaws.com"),
  };

  it.each(
    Object.keys(all),
  )("%s names its actions, and its resources unless AWS has no name for them", (name) => {
    for (const { Sid, Effect, Action, Resource } of all[name]?.Statement ?? []) {
      if (Effect === "Deny") continue;
      const wildcards = Action.filter((action) => action === "*" || /^[a-z0-9-]+:\*$/.test(action));
      if (Sid !== "KeyAdministration") expect(wildcards).toEqual([]);
      if (Resource?.includes("*") === true) expect(Object.keys(unscoped)).toContain(Sid);
    }
  });

  it.each(Object.keys(policies))("%s fits into a role: 10,240 characters, without white space", (name) => {
    expect(JSON.stringify(all[name]).length).toBeLessThan(10_240);
  });

  it("the list of exceptions holds no one that is not needed", () => {
    const used = new Set(
      Object.values(all).flatMap(({ Statement }) =>
        Statement.filter(({ Resource }) => Resource?.includes("*")).map(({ Sid }) => Sid),
      ),
    );
    expect([...used].sort()).toEqual(Object.keys(unscoped).sort());
  });
});
