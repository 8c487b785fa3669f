/** Runs the AWS components against Pulumi's mocks and records what the engine would be told. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsTarget } from "../../../components/aws/target.ts";
import type { Size } from "../../../components/target.ts";
import { type AwsSettings, awsSettings } from "../../../config/awsSchema.ts";

/** One resource as it was registered. */
export interface Registered {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly parent: string;
  /** URNs that it must come after: explicit ones, and those that its inputs come from. */
  readonly dependencies: ReadonlySet<string>;
  readonly provider: string;
  readonly retainOnDelete: boolean;
  readonly ignoreChanges: readonly string[];
}

export interface Run {
  readonly target: AwsTarget;
  readonly resources: readonly Registered[];
  /** The only resource of this type and name. */
  one(type: string, name: string): Registered;
  /** All resources of a type. */
  all(type: string): readonly Registered[];
}

const account = "123456789012";

/** Fields that every configuration has to name. */
const required = {
  region: "us-east-1",
  accountId: account,
  owner: "owner@example.com",
  api: { publicAccessCidrs: ["203.0.113.0/24"] },
};

const domain = {
  name: "mlops.example.com",
  zoneId: "Z0123456789ABCDEFGHIJ",
  oidc: {
    issuer: "https://login.example.com",
    authorizationEndpoint: "https://login.example.com/authorize",
    tokenEndpoint: "https://login.example.com/token",
    userInfoEndpoint: "https://login.example.com/userinfo",
    clientSecretArn: `arn:aws:secretsmanager:us-east-1:${account}:secret:dashboards-AbCdEf`,
  },
};

/** The configurations that the tests look at, by name. */
export const configurations = {
  smallest: {
    ...required,
    zones: ["us-east-1a", "us-east-1b"],
    network: { cidr: "10.0.0.0/20" },
    nodeGroups: { system: { zones: 1, maxPerZone: 1, diskGiB: 30 }, t4: { max: 0 } },
    logRetentionDays: 1,
    images: ["training"],
    retain: false,
  },
  default: { ...required },
  production: {
    ...required,
    network: { natGateways: "perZone", interfaceEndpoints: ["ecr.api", "ecr.dkr", "sts"] },
    api: {
      publicAccessCidrs: ["203.0.113.0/24"],
      adminRoleArns: [`arn:aws:iam::${account}:role/platform-admins`],
    },
    nodeGroups: {
      system: { instanceTypes: ["m6i.xlarge"], zones: 3, maxPerZone: 4, diskGiB: 100 },
      l4: { min: 1, max: 4 },
      t4: { max: 4, zones: ["us-east-1a", "us-east-1c"] },
    },
    database: {
      instanceClass: "db.t4g.medium",
      multiAz: true,
      backupDays: 35,
      deletionProtection: true,
      passwordGeneration: 3,
    },
    github: { repository: "example/platform" },
    domain,
    budget: { monthlyUsd: 5000, emails: ["finance@example.com", "platform@example.com"] },
    logRetentionDays: 365,
    costCenter: "ml-4711",
  },
  spotOnly: {
    ...required,
    nodeGroups: { l4: { capacity: "spot", max: 2 }, t4: { capacity: "spot", max: 8 } },
  },
  noGpu: {
    ...required,
    region: "eu-west-1",
    api: { insideVpc: true },
    nodeGroups: { l4: { max: 0 }, t4: { max: 0 } },
  },
} as const;
export type ConfigurationName = keyof typeof configurations;

export function settingsOf(name: ConfigurationName): AwsSettings {
  return awsSettings.parse(configurations[name]);
}

export const sizes: Readonly<Record<ConfigurationName, Size>> = {
  smallest: "small",
  default: "small",
  production: "production",
  spotOnly: "small",
  noGpu: "small",
};

type Outputs = Record<string, unknown>;

/** What AWS would answer, as far as other resources read it. */
function answer({ type, name, inputs }: pulumi.runtime.MockResourceArgs): { id: string; state: Outputs } {
  const id = `${name}-id`;
  const arn = `arn:aws:mock:us-east-1:${account}:${name}`;
  const more: Record<string, Outputs> = {
    "random:index/randomId:RandomId": { hex: "a1b2c3" },
    "random:index/randomPassword:RandomPassword": { result: `password-of-${name}`, bcryptHash: "hash" },
    "aws:s3/bucket:Bucket": { arn: `arn:aws:s3:::${id}`, bucket: id },
    "aws:iam/role:Role": { arn: `arn:aws:iam::${account}:role/${id}`, name: id },
    "aws:kms/key:Key": { arn: `arn:aws:kms:us-east-1:${account}:key/${name}`, keyId: name },
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
      arn: `arn:aws:iam::${account}:oidc-provider/${String(inputs.url).replace("https://", "")}`,
    },
    "aws:ecr/repository:Repository": {
      arn: `arn:aws:ecr:us-east-1:${account}:repository/${inputs.name}`,
      repositoryUrl: `${account}.dkr.ecr.us-east-1.amazonaws.com/${inputs.name}`,
    },
    "aws:ec2/launchTemplate:LaunchTemplate": { latestVersion: 1 },
    "aws:eks/nodeGroup:NodeGroup": {
      nodeGroupName: id,
      resources: [{ autoscalingGroups: [{ name: `${name}-asg` }] }],
    },
    "aws:rds/instance:Instance": {
      address: "mlflow.example.us-east-1.rds.amazonaws.com",
      masterUserSecrets: [{ secretArn: `arn:aws:secretsmanager:us-east-1:${account}:secret:rds!db-1` }],
    },
    "aws:secretsmanager/secretVersion:SecretVersion": {
      arn: `arn:aws:secretsmanager:us-east-1:${account}:secret:mlflow`,
      versionId: "version-1",
    },
    "aws:acm/certificate:Certificate": {
      domainValidationOptions: [
        { resourceRecordName: "_proof", resourceRecordType: "CNAME", resourceRecordValue: "acm" },
      ],
    },
    "eks:index:Cluster": {
      oidcIssuer: "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE",
      oidcProviderUrl: "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE",
      clusterSecurityGroupId: "sg-cluster",
      kubeconfigJson: "{}",
    },
  };
  return { id, state: { arn, ...inputs, ...more[type] } };
}

/** The part of the mock monitor's request that says more than the mocks are told. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDependenciesList(): string[];
  getPropertydependenciesMap(): { forEach(visit: (value: { getUrnsList(): string[] }) => void): void };
  getProvider(): string;
  getProvidersMap(): { get(name: string): string | undefined };
  getRetainondelete(): boolean | undefined;
  getIgnorechangesList(): string[];
}
interface Monitor {
  registerResource(
    request: RegisterRequest,
    callback: (error: unknown, response?: { getUrn(): string }) => void,
  ): Promise<void>;
}

/**
 * Builds a stack, and returns everything that was registered once all of it was.
 *
 * @param more makes further resources, as the platform would.
 */
export async function run(
  name: ConfigurationName,
  more: (target: AwsTarget) => void = () => undefined,
): Promise<Run> {
  const inputs = new Map<string, Readonly<Record<string, unknown>>>();
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        inputs.set(`${args.type}::${args.name}`, args.inputs);
        return answer(args);
      },
      call: (args) => {
        throw new Error(`asked AWS for ${args.token} at plan time`);
      },
    },
    "mlops",
    "aws",
    false,
  );
  const resources = record(inputs);
  const { createAwsCluster } = await import("../../../components/aws/target.ts");
  const target = createAwsCluster(settingsOf(name), { stack: "aws", size: sizes[name] });
  more(target);
  // Waits until every registration that is under way has been answered, and those that they lead to.
  await pulumi.runtime.disconnect();
  const all = (type: string): Registered[] => resources.filter((resource) => resource.type === type);
  return {
    target,
    resources,
    all,
    one: (type, wanted) => {
      const found = all(type).filter((resource) => resource.name === wanted);
      if (found.length !== 1 || found[0] === undefined) {
        const names = all(type).map((resource) => resource.name);
        throw new Error(`${found.length} resources ${type} ${wanted}; there are: ${names.join(", ")}`);
      }
      return found[0];
    },
  };
}

function record(inputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>): Registered[] {
  const resources: Registered[] = [];
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (response !== undefined) {
        const dependencies = new Set(request.getDependenciesList());
        request.getPropertydependenciesMap().forEach((property) => {
          for (const urn of property.getUrnsList()) dependencies.add(urn);
        });
        resources.push({
          urn: response.getUrn(),
          type: request.getType(),
          name: request.getName(),
          inputs: inputs.get(`${request.getType()}::${request.getName()}`) ?? {},
          parent: request.getParent(),
          dependencies,
          provider: request.getProvider() || request.getProvidersMap().get("aws") || "",
          retainOnDelete: request.getRetainondelete() === true,
          ignoreChanges: request.getIgnorechangesList(),
        });
      }
      callback(error, response);
    });
  return resources;
}
