import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "../../config/awsSchema.ts";
import type { Additions } from "../platform/system.ts";
import type { Buckets, ClusterIngress, ClusterTarget, PlatformService, ServiceUrl, Size } from "../target.ts";
import { createBudget } from "./budget.ts";
import { Cluster } from "./cluster.ts";
import { createCompute } from "./compute.ts";
import { createControllers } from "./controllers.ts";
import { type CostEstimate, estimateCost } from "./cost.ts";
import { Database } from "./database.ts";
import { awsFacts } from "./facts.ts";
import { GithubRoles } from "./github.ts";
import { ServiceAccountRoles } from "./identity.ts";
import { Network } from "./network.ts";
import { zonesOf } from "./regions.ts";
import { Registry } from "./registry.ts";
import type { AwsStart } from "./start.ts";
import { type Bucket, createBuckets, createDataKey } from "./storage.ts";
import { awsNeeds } from "./systems/facts.ts";
import { awsSystems } from "./systems/systems.ts";
import { commonTags, project } from "./tags.ts";
import { createStorageClass } from "./volumes.ts";

/** Outputs that only the aws stack has. */
export interface AwsOutputs {
  /** Real bucket names. */
  readonly buckets: Readonly<Record<keyof Buckets, pulumi.Output<string>>>;
  /** Repository addresses by image. */
  readonly ecrRepositories: Readonly<Record<string, pulumi.Output<string>>>;
  /** ARNs of roles: `github/...`, and `namespace/serviceAccount` of workloads. */
  readonly roles: Readonly<Record<string, pulumi.Output<string>>>;
  /** Command that adds the cluster to a person's kubeconfig. */
  readonly updateKubeconfig: pulumi.Output<string>;
  readonly estimatedHourlyCost: CostEstimate;
  /** What `pulumi destroy` leaves behind, by kind and name. */
  readonly retained: pulumi.Output<string[]>;
}

/** An EKS cluster as the platform sees it, and what only AWS adds. */
export interface AwsTarget extends ClusterTarget {
  /** The systems that only AWS needs, and who waits for them. */
  readonly additions: Additions;
  /** Complete once the platform has asked for the identities of all its workloads. */
  outputs(): AwsOutputs;
}

/**
 * The whole AWS side of a stack: network, cluster, nodes, identities, storage, registry, database, budget.
 *
 * @param stack name of the Pulumi stack, for names and tags.
 */
export function createAwsCluster(
  settings: AwsSettings,
  { stack, size, start }: { readonly stack: string; readonly size: Size; readonly start: AwsStart },
): AwsTarget {
  const { region, accountId, retain } = settings;
  const place = { region, accountId };
  const tags = commonTags(stack, settings);
  const { aws: provider, suffix } = start;
  const own = { provider };
  const opts = { providers: { aws: provider } };
  const clusterName = pulumi.interpolate`${project}-${stack}-${suffix}`;

  const network = new Network(
    "network",
    { ...settings.network, cidr: settings.network.cidr, region, zones: zonesOf(settings) },
    opts,
  );
  const dataKey = createDataKey("data-key", { ...place, clusterName, retain }, own);
  const buckets = createBuckets({ keyArn: dataKey.arn, retain }, opts);
  const registry = new Registry(
    "registry",
    { ...place, prefix: clusterName, images: settings.images, keyArn: dataKey.arn, retain },
    opts,
  );
  const cluster = new Cluster(
    "cluster",
    {
      ...place,
      ...settings.api,
      clusterName,
      version: settings.kubernetesVersion,
      vpcId: network.vpcId,
      privateSubnetIds: network.subnetIds.private,
      logRetentionDays: settings.logRetentionDays,
      retain,
      tags,
    },
    { providers: { aws: provider, eks: start.eks } },
  );
  const roles = new ServiceAccountRoles(
    {
      region,
      oidcProviderArn: cluster.oidcProviderArn,
      issuer: cluster.issuer,
      bucketArns: mapBuckets(buckets, (bucket) => bucket.arn),
      dataKeyArn: dataKey.arn,
    },
    cluster,
  );
  const compute = createCompute({ settings, cluster, network, roles, tags }, opts);
  const database = new Database(
    "mlflow-database",
    {
      vpcId: network.vpcId,
      subnetIds: network.subnetIds.database,
      clientSecurityGroupId: cluster.securityGroupId,
      keyArn: dataKey.arn,
      suffix,
      settings: settings.database,
      retain,
    },
    opts,
  );
  const kubernetes = new k8s.Provider("eks", {
    kubeconfig: cluster.kubeconfig,
    clusterIdentifier: cluster.clusterName,
  });
  const storage = createStorageClass({ provider: kubernetes, kubeconfig: cluster.kubeconfig }, compute);
  const controllers = createControllers(
    { settings, cluster, network, database, dataKeyArn: dataKey.arn, roles, tags },
    own,
  );
  const github = createGithubRoles(settings, registry, buckets, opts);
  createBudget(
    "budget",
    {
      accountId,
      monthlyUsd: settings.budget.monthlyUsd,
      emails: settings.budget.emails ?? [settings.owner],
    },
    own,
  );

  const facts = awsFacts({
    settings,
    buckets: mapBuckets(buckets, (bucket) => bucket.bucketName),
    databaseHost: database.host,
    databasePort: database.port,
    imageRegistry: registry.url,
    workloadIdentity: (namespace, name, grants) => roles.workload(namespace, name, grants),
  });
  return {
    ...facts,
    provider: kubernetes,
    kubeconfig: cluster.kubeconfig,
    url: (service) => urlOf(service, facts.ingress),
    // The roles of Pulumi's own access must outlive all objects too, hence the cluster with its children.
    dependsOn: [cluster, ...compute, ...storage],
    additions: { systems: awsSystems(controllers, facts.ownCharts), needs: awsNeeds },
    outputs: () => ({
      buckets: mapBuckets(buckets, (bucket) => bucket.bucketName),
      ecrRepositories: registry.repositoryUrls,
      roles: { ...github, ...roles.arns() },
      updateKubeconfig: pulumi.interpolate`aws eks update-kubeconfig --region ${region} --name ${clusterName}`,
      estimatedHourlyCost: estimateCost(settings, size),
      retained: retain ? retained(cluster, database, buckets, registry) : pulumi.output([]),
    }),
  };
}

function mapBuckets<T>(
  buckets: Readonly<Record<keyof Buckets, Bucket>>,
  value: (bucket: Bucket) => T,
): Record<keyof Buckets, T> {
  return {
    mlflowArtifacts: value(buckets.mlflowArtifacts),
    modelRegistry: value(buckets.modelRegistry),
    datasets: value(buckets.datasets),
  };
}

function createGithubRoles(
  settings: AwsSettings,
  registry: Registry,
  buckets: Readonly<Record<keyof Buckets, Bucket>>,
  opts: pulumi.ComponentResourceOptions,
): Record<string, pulumi.Output<string>> {
  const { github, region, accountId, domain } = settings;
  if (github === undefined) return {};
  const hostedZone = domain?.zoneId === undefined ? {} : { hostedZoneId: domain.zoneId };
  const made = new GithubRoles(
    "github",
    {
      settings: github,
      accountId,
      repositoryArns: registry.repositoryArns,
      preview: pulumi
        .all(Object.values(mapBuckets(buckets, (bucket) => bucket.arn)))
        .apply((bucketArns) => ({ region, accountId, bucketArns, ...hostedZone })),
    },
    opts,
  );
  return { "github/image-push": made.imagePushArn, "github/preview": made.previewArn };
}

/** How a person reaches a service: through the load balancer with a login, or a port forwarded by hand. */
function urlOf(service: PlatformService, ingress: ClusterIngress | undefined): ServiceUrl {
  if (ingress !== undefined) return { url: `https://${service.name}.${ingress.hostSuffix}` };
  return {
    portForward: `kubectl -n ${service.namespace} port-forward service/${service.service} ${service.port}`,
  };
}

function retained(
  cluster: Cluster,
  database: Database,
  buckets: Readonly<Record<keyof Buckets, Bucket>>,
  registry: Registry,
): pulumi.Output<string[]> {
  return pulumi
    .all([
      pulumi.all(Object.values(mapBuckets(buckets, (bucket) => bucket.bucketName))),
      pulumi.all(Object.values(registry.repositoryUrls)),
      cluster.clusterName,
      cluster.logGroupName,
      database.finalSnapshot ?? "",
    ])
    .apply(([bucketNames, repositories, clusterName, logGroup, snapshot]) => [
      ...bucketNames.map((name) => `S3 bucket ${name}`),
      ...repositories.map((url) => `ECR repository ${url}`),
      `RDS snapshot ${snapshot}, made at destroy`,
      `CloudWatch log group ${logGroup}`,
      `KMS keys alias/${clusterName}-data and alias/${clusterName}-cluster`,
    ]);
}
