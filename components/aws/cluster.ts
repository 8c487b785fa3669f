import * as aws from "@pulumi/aws";
import * as eks from "@pulumi/eks";
import * as pulumi from "@pulumi/pulumi";
import { serviceCidr } from "./cidrs.ts";
import type { Place } from "./iam/document.ts";
import { clusterKeyPolicy } from "./iam/keys.ts";
import { createClusterRole } from "./roles.ts";
import type { CommonTags } from "./tags.ts";

export interface ClusterArgs extends Place {
  readonly clusterName: pulumi.Input<string>;
  /** Kubernetes minor version, e.g. `1.35`. */
  readonly version: string;
  readonly vpcId: pulumi.Input<string>;
  /** Subnets in which the control plane puts its network interfaces. */
  readonly privateSubnetIds: readonly pulumi.Input<string>[];
  /** Networks that may reach the public endpoint; none leaves only the private one. */
  readonly publicAccessCidrs: readonly string[];
  /** IAM roles whose holders administer the cluster. */
  readonly adminRoleArns: readonly string[];
  readonly logRetentionDays: number;
  /** Whether the control plane's logs outlive the stack. */
  readonly retain: boolean;
  readonly tags: CommonTags;
}

const logTypes = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
const deletionWindowDays = 30;

/**
 * The EKS control plane with what belongs to its lifecycle: key, log group, role, identity provider and
 * access entries. It has no nodes and no add-ons of its own.
 *
 * @pulumi/eks makes the control plane only, as a remote component; all of its choices that touch security
 * are passed, so that its defaults decide nothing. It makes whoever creates the cluster its
 * administrator, which cannot be turned off there.
 */
export class Cluster extends pulumi.ComponentResource {
  readonly clusterName: pulumi.Output<string>;
  /** OIDC issuer without `https://`, as IAM conditions spell it. */
  readonly issuer: pulumi.Output<string>;
  readonly oidcProviderArn: pulumi.Output<string>;
  /** Security group that EKS makes and gives to the control plane and to every node. */
  readonly securityGroupId: pulumi.Output<string>;
  /** Kubeconfig that asks the aws CLI for tokens; it holds no credential itself. */
  readonly kubeconfig: pulumi.Output<string>;
  readonly logGroupName: pulumi.Output<string>;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:Cluster", name, {}, opts);
    const options = { parent: this };
    this.logGroupName = pulumi.interpolate`/aws/eks/${args.clusterName}/cluster`;
    const key = this.createKey(name, args);
    const logGroup = this.createLogGroup(name, args, key);
    const role = createClusterRole(`${name}-role`, options);
    const controlPlane = new eks.Cluster(
      `${name}-control-plane`,
      {
        name: args.clusterName,
        version: args.version,
        upgradePolicy: { supportType: "STANDARD" },
        serviceRole: role.role,
        createInstanceRole: false,
        authenticationMode: eks.AuthenticationMode.Api,
        vpcId: args.vpcId,
        privateSubnetIds: [...args.privateSubnetIds],
        nodeAssociatePublicIpAddress: false,
        ipFamily: "ipv4",
        kubernetesServiceIpAddressRange: serviceCidr,
        endpointPrivateAccess: true,
        endpointPublicAccess: args.publicAccessCidrs.length > 0,
        ...(args.publicAccessCidrs.length > 0 ? { publicAccessCidrs: [...args.publicAccessCidrs] } : {}),
        encryptionConfigKeyArn: key.arn,
        enabledClusterLogTypes: logTypes,
        // Ours, so that tests and policies see them: add-ons, nodes, security groups, identity provider.
        bootstrapSelfManagedAddons: false,
        useDefaultVpcCni: true,
        corednsAddonOptions: { enabled: false },
        kubeProxyAddonOptions: { enabled: false },
        skipDefaultNodeGroup: true,
        skipDefaultSecurityGroups: true,
        createOidcProvider: false,
        tags: args.tags,
      },
      {
        parent: this,
        dependsOn: [logGroup, ...role.attachments],
        // Said, because a remote component does not find its parent's providers by itself.
        ...this.awsProvider(),
      },
    );
    this.securityGroupId = controlPlane.clusterSecurityGroupId;
    // Known with the control plane, so that whatever names the cluster comes after it and goes before it.
    this.clusterName = pulumi.all([args.clusterName, this.securityGroupId]).apply(([own]) => own);
    this.issuer = controlPlane.oidcIssuer;
    this.kubeconfig = pulumi.secret(controlPlane.kubeconfigJson);
    this.oidcProviderArn = this.createIdentityProvider(name, controlPlane.oidcProviderUrl);
    this.createAccessEntries(name, args.adminRoleArns);
    this.tagSecurityGroup(name, args.tags);
    this.registerOutputs({ clusterName: this.clusterName });
  }

  private awsProvider(): Pick<pulumi.ComponentResourceOptions, "providers"> {
    const provider = this.getProvider("aws:eks/cluster:Cluster");
    return provider === undefined ? {} : { providers: { aws: provider } };
  }

  private createKey(name: string, args: ClusterArgs): aws.kms.Key {
    const key = new aws.kms.Key(
      `${name}-key`,
      {
        description: "Kubernetes secrets and control plane logs",
        enableKeyRotation: true,
        deletionWindowInDays: deletionWindowDays,
        policy: pulumi.jsonStringify(this.logGroupName.apply((group) => clusterKeyPolicy(args, group))),
      },
      // Retained logs can be read only with it.
      { parent: this, retainOnDelete: args.retain },
    );
    new aws.kms.Alias(
      `${name}-key-alias`,
      { name: pulumi.interpolate`alias/${args.clusterName}-cluster`, targetKeyId: key.keyId },
      { parent: this, retainOnDelete: args.retain },
    );
    return key;
  }

  /** EKS would make this group itself at the first log line, without retention, key or tags. */
  private createLogGroup(name: string, args: ClusterArgs, key: aws.kms.Key): aws.cloudwatch.LogGroup {
    return new aws.cloudwatch.LogGroup(
      `${name}-logs`,
      {
        name: this.logGroupName,
        retentionInDays: args.logRetentionDays,
        kmsKeyId: key.arn,
        skipDestroy: args.retain,
      },
      { parent: this },
    );
  }

  /** AWS checks the issuer's certificate against its own list of authorities, so no thumbprint is named. */
  private createIdentityProvider(name: string, url: pulumi.Input<string>): pulumi.Output<string> {
    return new aws.iam.OpenIdConnectProvider(
      `${name}-identity-provider`,
      { url, clientIdLists: ["sts.amazonaws.com"] },
      { parent: this },
    ).arn;
  }

  /** Administrators besides the cluster's creator. EKS itself lets the roles of managed node groups in. */
  private createAccessEntries(name: string, roleArns: readonly string[]): void {
    for (const [index, principalArn] of roleArns.entries()) {
      const entry = new aws.eks.AccessEntry(
        `${name}-admin-${index}`,
        { clusterName: this.clusterName, principalArn, type: "STANDARD" },
        { parent: this },
      );
      new aws.eks.AccessPolicyAssociation(
        `${name}-admin-${index}-policy`,
        {
          clusterName: this.clusterName,
          principalArn: entry.principalArn,
          policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
          accessScope: { type: "cluster" },
        },
        { parent: this },
      );
    }
  }

  /** EKS makes the security group, so the provider's default tags never see it. */
  private tagSecurityGroup(name: string, tags: CommonTags): void {
    for (const [key, value] of Object.entries(tags)) {
      new aws.ec2.Tag(
        `${name}-security-group-${key}`,
        { resourceId: this.securityGroupId, key, value },
        { parent: this },
      );
    }
  }
}
