import { createHash } from "node:crypto";
import { isMap, type PropertyMap, type PropertyValue, reveal } from "../lib/values.ts";

/** Account and region that resources seem to be in. */
export interface Place {
  readonly accountId: string;
  readonly region: string;
}

/** One resource about to be made. */
interface Wanted {
  readonly name: string;
  /** Stable hexadecimal digits, unique to the resource. */
  readonly digits: string;
  readonly inputs: PropertyMap;
  readonly place: Place;
}

/** What AWS adds to the inputs. */
export interface Made {
  readonly id: string;
  readonly outputs: PropertyMap;
}

type Answer = (wanted: Wanted) => Made;

function text(value: PropertyValue | undefined): string | undefined {
  const revealed = reveal(value ?? null);
  return typeof revealed === "string" ? revealed : undefined;
}

/** The name that the program gave, or one as the provider makes it: the logical name and seven digits. */
function physicalName({ name, digits, inputs }: Wanted, property = "name"): string {
  return text(inputs[property]) ?? `${name}-${digits.slice(0, 7)}`;
}

const arn = ({ place: { region, accountId } }: Wanted, service: string, resource: string): string =>
  `arn:aws:${service}:${region}:${accountId}:${resource}`;

/** Resources of EC2 have an id with a prefix, and an ARN that ends in it. */
const ec2 =
  (prefix: string, kind: string): Answer =>
  (wanted) => {
    const id = `${prefix}-0${wanted.digits.slice(0, 16)}`;
    return { id, outputs: { arn: arn(wanted, "ec2", `${kind}/${id}`) } };
  };

/** Resources that are known by a name and need no more than that and an ARN. */
const named =
  (service: string, kind: string, property = "name"): Answer =>
  (wanted) => {
    const name = physicalName(wanted, property);
    const resource = kind === "" ? name : `${kind}${name}`;
    return { id: name, outputs: { [property]: name, arn: arn(wanted, service, resource) } };
  };

const uuid = (digits: string): string =>
  [0, 8, 12, 16, 20].map((at, i, all) => digits.slice(at, all[i + 1] ?? 32)).join("-");

/** A secret's ARN ends in six characters that AWS chooses, so that a new one of the same name differs. */
function secretArn(wanted: Wanted, name: string): string {
  return arn(wanted, "secretsmanager", `secret:${name}-${wanted.digits.slice(0, 6)}`);
}

const answers: Readonly<Record<string, Answer>> = {
  "acm/certificate:Certificate": (wanted) => {
    const id = arn(wanted, "acm", `certificate/${uuid(wanted.digits)}`);
    const domain = text(wanted.inputs.domainName) ?? "";
    const proof = {
      domainName: domain,
      resourceRecordName: `_${wanted.digits}.${domain}.`,
      resourceRecordType: "CNAME",
      resourceRecordValue: `_${wanted.digits}.acm-validations.aws.`,
    };
    return { id, outputs: { arn: id, domainValidationOptions: [proof] } };
  },
  "cloudwatch/logGroup:LogGroup": named("logs", "log-group:"),
  "ec2/eip:Eip": ec2("eipalloc", "elastic-ip"),
  "ec2/internetGateway:InternetGateway": ec2("igw", "internet-gateway"),
  "ec2/launchTemplate:LaunchTemplate": (wanted) => {
    const { id, outputs } = ec2("lt", "launch-template")(wanted);
    return { id, outputs: { ...outputs, name: physicalName(wanted), latestVersion: 1 } };
  },
  "ec2/natGateway:NatGateway": ec2("nat", "natgateway"),
  "ec2/routeTable:RouteTable": ec2("rtb", "route-table"),
  "ec2/securityGroup:SecurityGroup": ec2("sg", "security-group"),
  "ec2/subnet:Subnet": ec2("subnet", "subnet"),
  "ec2/vpc:Vpc": ec2("vpc", "vpc"),
  "ec2/vpcEndpoint:VpcEndpoint": ec2("vpce", "vpc-endpoint"),
  "ecr/repository:Repository": (wanted) => {
    const { id, outputs } = named("ecr", "repository/")(wanted);
    const { accountId, region } = wanted.place;
    const repositoryUrl = `${accountId}.dkr.ecr.${region}.amazonaws.com/${id}`;
    return { id, outputs: { ...outputs, repositoryUrl, registryId: accountId } };
  },
  "eks/cluster:Cluster": (wanted) => {
    const name = physicalName(wanted);
    const { region } = wanted.place;
    const host = `${wanted.digits.slice(0, 32).toUpperCase()}.gr7.${region}.eks.amazonaws.com`;
    const issuer = `https://oidc.eks.${region}.amazonaws.com/id/${wanted.digits.slice(0, 32).toUpperCase()}`;
    const { vpcConfig = {} } = wanted.inputs;
    return {
      id: name,
      outputs: {
        name,
        arn: arn(wanted, "eks", `cluster/${name}`),
        endpoint: `https://${host}`,
        certificateAuthority: { data: Buffer.from("rehearsed").toString("base64") },
        identities: [{ oidcs: [{ issuer }] }],
        vpcConfig: {
          ...(isMap(vpcConfig) ? vpcConfig : {}),
          clusterSecurityGroupId: `sg-0${wanted.digits.slice(16, 32)}`,
        },
      },
    };
  },
  "eks/nodeGroup:NodeGroup": (wanted) => {
    const name = physicalName(wanted, "nodeGroupName");
    const group = `eks-${name}-${uuid(wanted.digits)}`;
    return {
      id: `${text(wanted.inputs.clusterName)}:${name}`,
      outputs: {
        nodeGroupName: name,
        arn: arn(wanted, "eks", `nodegroup/${name}`),
        resources: [{ autoscalingGroups: [{ name: group }], remoteAccessSecurityGroupId: "" }],
      },
    };
  },
  "iam/openIdConnectProvider:OpenIdConnectProvider": (wanted) => {
    const host = (text(wanted.inputs.url) ?? "").replace(/^https:\/\//, "");
    const id = `arn:aws:iam::${wanted.place.accountId}:oidc-provider/${host}`;
    return { id, outputs: { arn: id } };
  },
  "iam/role:Role": (wanted) => {
    const name = physicalName(wanted);
    return { id: name, outputs: { name, arn: `arn:aws:iam::${wanted.place.accountId}:role/${name}` } };
  },
  "kms/key:Key": (wanted) => {
    const id = uuid(wanted.digits);
    return { id, outputs: { keyId: id, arn: arn(wanted, "kms", `key/${id}`) } };
  },
  "rds/instance:Instance": (wanted) => {
    const identifier = physicalName(wanted, "identifier");
    const { region } = wanted.place;
    return {
      id: `db-${wanted.digits.slice(0, 26).toUpperCase()}`,
      outputs: {
        identifier,
        address: `${identifier}.${wanted.digits.slice(0, 12)}.${region}.rds.amazonaws.com`,
        arn: arn(wanted, "rds", `db:${identifier}`),
        masterUserSecrets: [{ secretArn: secretArn(wanted, `rds!db-${uuid(wanted.digits)}`) }],
      },
    };
  },
  "rds/parameterGroup:ParameterGroup": named("rds", "pg:"),
  "rds/subnetGroup:SubnetGroup": named("rds", "subgrp:"),
  "route53/record:Record": (wanted) => {
    const name = text(wanted.inputs.name) ?? "";
    return { id: `${text(wanted.inputs.zoneId)}_${name}`, outputs: { fqdn: name } };
  },
  "s3/bucket:Bucket": (wanted) => {
    const bucket = physicalName(wanted, "bucket");
    return { id: bucket, outputs: { bucket, arn: `arn:aws:s3:::${bucket}` } };
  },
  "secretsmanager/secret:Secret": (wanted) => {
    const name = physicalName(wanted);
    const id = secretArn(wanted, name);
    return { id, outputs: { name, arn: id } };
  },
  "secretsmanager/secretVersion:SecretVersion": (wanted) => {
    const versionId = uuid(wanted.digits);
    const secret = text(wanted.inputs.secretId) ?? "";
    return { id: `${secret}|${versionId}`, outputs: { arn: secret, versionId } };
  },
};

const byDefault: Answer = ({ name, digits }) => ({ id: `${name}-${digits.slice(0, 7)}`, outputs: {} });

/**
 * What AWS would answer, as far as other resources read it: ids, ARNs and addresses of the form that AWS gives
 * them. The same resource always gets the same ones.
 *
 * @param type as in a URN: `aws:<module>/<type>:<Type>`
 */
export function answer(type: string, urn: string, name: string, inputs: PropertyMap, place: Place): Made {
  const digits = createHash("sha256").update(urn).digest("hex");
  return (answers[type.replace(/^aws:/, "")] ?? byDefault)({ name, digits, inputs, place });
}
