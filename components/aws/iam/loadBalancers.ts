/** What the load balancer controller may do. */
import type { ClusterScope } from "./controllers.ts";
import { arn, document, type PolicyDocument } from "./document.ts";

/** The cluster, its network and the security group that its nodes share. */
export interface LoadBalancerScope extends ClusterScope {
  readonly vpcId: string;
  readonly nodeSecurityGroupId: string;
}

const ownedTag = "elbv2.k8s.aws/cluster";

/**
 * Permissions of the AWS load balancer controller: the published policy, narrowed to this account,
 * region, VPC and cluster, without WAF, Shield and Cognito, which the stack does not use.
 *
 * @see https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/main/docs/install/iam_policy.json
 */
export function loadBalancers(scope: LoadBalancerScope): PolicyDocument {
  const elb = (...resources: readonly string[]): string[] =>
    resources.map((resource) => arn("elasticloadbalancing", scope, resource));
  const owned = { StringEquals: { [`aws:ResourceTag/${ownedTag}`]: scope.clusterName } };
  const requested = { StringEquals: { [`aws:RequestTag/${ownedTag}`]: scope.clusterName } };
  const securityGroups = arn("ec2", scope, "security-group/*");
  const balancers = ["loadbalancer/app/*/*", "loadbalancer/net/*/*"];
  const listeners = ["listener/app/*/*/*", "listener/net/*/*/*"];
  const rules = ["listener-rule/app/*/*/*/*", "listener-rule/net/*/*/*/*"];
  const targetGroups = ["targetgroup/*/*"];
  return document(
    {
      Sid: "ServiceLinkedRole",
      Effect: "Allow",
      Action: ["iam:CreateServiceLinkedRole"],
      Resource: [
        `arn:aws:iam::${scope.accountId}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*`,
      ],
      Condition: { StringEquals: { "iam:AWSServiceName": "elasticloadbalancing.amazonaws.com" } },
    },
    {
      Sid: "LoadBalancersRead",
      Effect: "Allow",
      Action: [
        "acm:ListCertificates",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeSSLPolicies",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DescribeTrustStores",
      ],
      Resource: ["*"],
    },
    {
      Sid: "ReadCertificates",
      Effect: "Allow",
      Action: ["acm:DescribeCertificate"],
      Resource: [arn("acm", scope, "certificate/*")],
    },
    {
      Sid: "ReadSecurityGroupsOfVpc",
      Effect: "Allow",
      Action: ["ec2:GetSecurityGroupsForVpc"],
      Resource: [arn("ec2", scope, `vpc/${scope.vpcId}`)],
    },
    {
      Sid: "CreateSecurityGroups",
      Effect: "Allow",
      Action: ["ec2:CreateSecurityGroup"],
      Resource: [arn("ec2", scope, `vpc/${scope.vpcId}`)],
    },
    {
      Sid: "CreateTaggedSecurityGroups",
      Effect: "Allow",
      Action: ["ec2:CreateSecurityGroup"],
      Resource: [securityGroups],
      Condition: requested,
    },
    {
      Sid: "TagNewSecurityGroups",
      Effect: "Allow",
      Action: ["ec2:CreateTags"],
      Resource: [securityGroups],
      Condition: {
        StringEquals: {
          "ec2:CreateAction": "CreateSecurityGroup",
          [`aws:RequestTag/${ownedTag}`]: scope.clusterName,
        },
      },
    },
    {
      Sid: "ChangeOwnSecurityGroups",
      Effect: "Allow",
      Action: [
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteTags",
        "ec2:RevokeSecurityGroupIngress",
      ],
      Resource: [securityGroups],
      Condition: owned,
    },
    {
      // Load balancers reach pods through the nodes' security group, which EKS made and tagged.
      Sid: "LetLoadBalancersReachNodes",
      Effect: "Allow",
      Action: ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
      Resource: [arn("ec2", scope, `security-group/${scope.nodeSecurityGroupId}`)],
    },
    {
      Sid: "CreateLoadBalancers",
      Effect: "Allow",
      Action: ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"],
      Resource: elb(...balancers, ...targetGroups),
      Condition: requested,
    },
    {
      Sid: "TagNewLoadBalancers",
      Effect: "Allow",
      Action: ["elasticloadbalancing:AddTags"],
      Resource: elb(...balancers, ...targetGroups),
      Condition: {
        StringEquals: {
          "elasticloadbalancing:CreateAction": ["CreateLoadBalancer", "CreateTargetGroup"],
          [`aws:RequestTag/${ownedTag}`]: scope.clusterName,
        },
      },
    },
    {
      Sid: "ChangeOwnLoadBalancers",
      Effect: "Allow",
      Action: [
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetIpAddressType",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
      ],
      Resource: elb(...balancers, ...targetGroups),
      Condition: owned,
    },
    {
      // Listeners and rules carry no tag at the moment that they are made.
      Sid: "ChangeListeners",
      Effect: "Allow",
      Action: [
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:RemoveListenerCertificates",
        "elasticloadbalancing:RemoveTags",
        "elasticloadbalancing:SetRulePriorities",
      ],
      Resource: elb(...listeners, ...rules),
    },
    {
      Sid: "AddListenersToOwnLoadBalancers",
      Effect: "Allow",
      Action: ["elasticloadbalancing:CreateListener"],
      Resource: elb(...balancers),
      Condition: owned,
    },
    {
      Sid: "RegisterTargets",
      Effect: "Allow",
      Action: ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"],
      Resource: elb(...targetGroups),
      Condition: owned,
    },
  );
}
