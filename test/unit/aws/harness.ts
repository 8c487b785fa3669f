/** Runs the AWS components against Pulumi's mocks and records what the engine would be told. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { startAws } from "../../../components/aws/start.ts";
import { type AwsTarget, createAwsCluster } from "../../../components/aws/target.ts";
import type { PlatformOptions } from "../../../components/platform/system.ts";
import type { Size, Values } from "../../../components/target.ts";
import { account, type ConfigurationName, settingsOf, sizes } from "./configurations.ts";

/** One resource as it was registered. */
export interface Registered {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Names of inputs that the state keeps encrypted. */
  readonly secretInputs: readonly string[];
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
  return { id, state: { arn, name: id, ...inputs, ...more[type] } };
}

/** Name of the release that stands for a system of the platform: it has volumes, buckets and an Ingress. */
export const consumer = "mlflow";

/** What components/platform does with the target, in small: the target's own charts, then one that needs them. */
function installPlatform(target: AwsTarget, size: Size): void {
  const options: PlatformOptions = { teams: [] };
  const release = (name: string, values: Values, dependsOn: readonly pulumi.Resource[]) =>
    new k8s.helm.v3.Release(
      name,
      { chart: name, values: values as pulumi.Input<Record<string, unknown>> },
      { provider: target.provider, dependsOn: [...target.dependsOn, ...dependsOn] },
    );
  const parent = new pulumi.ComponentResource("mlops:platform:Platform", "platform");
  const needs = target.additions.systems.flatMap((system) => {
    const own = release(system.chart, system.values({ target, size, options }), []);
    const context = { target, size, options, parent, namespace: parent, namespaceOf: () => parent };
    return [own, ...(system.after?.(context, own) ?? [])];
  });
  const identity = target.workloadIdentity("mlflow", "mlflow", [
    { bucket: "mlflowArtifacts", access: "readWrite" },
  ]);
  const { database } = target;
  const values = {
    annotations: identity.annotations,
    bucket: target.objectStore.buckets.mlflowArtifacts,
    host: database.kind === "postgres" ? database.host : "",
  };
  release(consumer, values, needs);
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

/** Builds a stack and what the platform makes on it; returns everything that was registered. */
export async function run(name: ConfigurationName): Promise<Run> {
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
  const settings = settingsOf(name);
  const target = createAwsCluster(settings, {
    stack: "aws",
    size: sizes[name],
    start: startAws(settings, "aws"),
  });
  installPlatform(target, sizes[name]);
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

/** The sign by which the SDK marks a secret on the wire. */
const secretSign = "4dabf18193072939515e22adb298388d";

/** Inputs without their secret wrappers, and which ones had one. */
function plain(inputs: Readonly<Record<string, unknown>>): Pick<Registered, "inputs" | "secretInputs"> {
  const secretInputs: string[] = [];
  const unwrapped = Object.entries(inputs).map(([key, value]) => {
    if (typeof value !== "object" || value === null || !(secretSign in value)) return [key, value];
    secretInputs.push(key);
    return [key, (value as { value?: unknown }).value];
  });
  return { inputs: Object.fromEntries(unwrapped), secretInputs };
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
          ...plain(inputs.get(`${request.getType()}::${request.getName()}`) ?? {}),
          parent: request.getParent(),
          dependencies,
          provider: request.getProvidersMap().get("aws") || request.getProvider(),
          retainOnDelete: request.getRetainondelete() === true,
          ignoreChanges: request.getIgnorechangesList(),
        });
      }
      callback(error, response);
    });
  return resources;
}
