/**
 * AWS services that nodes and controllers call, each of which can have an interface endpoint in the VPC
 * (its traffic then passes neither the internet nor a NAT gateway).
 */
export const interfaceEndpointServices = [
  "autoscaling",
  "ec2",
  "ecr.api",
  "ecr.dkr",
  "elasticloadbalancing",
  "kms",
  "logs",
  "secretsmanager",
  "sts",
] as const;
export type InterfaceEndpointService = (typeof interfaceEndpointServices)[number];
