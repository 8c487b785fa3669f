import { awsFacts } from "../../components/aws/facts.ts";
import { roleAnnotation } from "../../components/aws/roleAnnotation.ts";
import type { Account, AwsFacts } from "../../components/aws/systems/facts.ts";
import { awsSystems } from "../../components/aws/systems/systems.ts";
import { commonTags } from "../../components/aws/tags.ts";
import { platformOptions } from "../../components/platform/platform.ts";
import type { System, ValuesContext } from "../../components/platform/system.ts";
import { type AwsConfig, aws } from "../../config/schema.ts";

const accountId = "123456789012";

/** What an aws stack of someone who configures no more than has to be is made of. */
function recordedConfig(exposed: boolean): AwsConfig {
  const issuer = "https://login.example.com";
  return aws.parse({
    environment: "aws",
    region: "us-east-1",
    accountId,
    owner: "owner@example.com",
    api: { publicAccessCidrs: ["203.0.113.0/24"] },
    ...(exposed && {
      domain: {
        name: "mlops.example.com",
        zoneId: "Z0123456789ABCDEFGHIJ",
        oidc: {
          issuer,
          authorizationEndpoint: `${issuer}/authorize`,
          tokenEndpoint: `${issuer}/token`,
          userInfoEndpoint: `${issuer}/userinfo`,
          clientSecretArn: `arn:aws:secretsmanager:us-east-1:${accountId}:secret:dashboards-AbCdEf`,
        },
      },
    }),
  });
}

const roleArn = (name: string): string => `arn:aws:iam::${accountId}:role/${name}`;

/** What AWS would answer; plain data, so that Helm can render it. */
function recordedFacts(config: AwsConfig): AwsFacts {
  const account = (name: string): Account => ({ name, roleArn: roleArn(name) });
  const { domain, region } = config;
  const secretArn = `arn:aws:secretsmanager:${region}:${accountId}:secret:recorded`;
  return {
    clusterName: "mlops-aws-recorded",
    region,
    vpcId: "vpc-recorded",
    kubernetesVersion: config.kubernetesVersion,
    tags: commonTags("aws", config),
    accounts: {
      autoscaler: account("cluster-autoscaler"),
      loadBalancers: account("aws-load-balancer-controller"),
      secrets: account("external-secrets"),
    },
    database: {
      host: "mlflow.recorded",
      port: 5432,
      userSecret: { arn: secretArn, versionId: "recorded" },
      administratorSecretArn: secretArn,
    },
    passwordGeneration: config.database.passwordGeneration,
    ...(domain?.zoneId !== undefined &&
      domain.oidc !== undefined && {
        domain: {
          name: domain.name,
          hostedZoneId: domain.zoneId,
          certificateArn: `arn:aws:acm:${region}:${accountId}:certificate/recorded`,
          subnetIds: ["subnet-recorded-a", "subnet-recorded-b"],
          allowedCidrs: config.api.publicAccessCidrs,
          clientSecretArn: domain.oidc.clientSecretArn,
          owner: config.owner,
          accounts: { dns: account("external-dns"), certificates: account("cert-manager") },
        },
      }),
  };
}

/**
 * The aws stack that charts are recorded for: the smallest configuration, with a domain or without.
 *
 * @returns the systems that it adds, and what values are made from but for the size.
 */
export function recordedAws(exposed: boolean): {
  readonly systems: readonly System[];
  readonly context: Omit<ValuesContext, "size">;
} {
  const settings = recordedConfig(exposed);
  const facts = recordedFacts(settings);
  const target = awsFacts({
    settings,
    buckets: {
      mlflowArtifacts: "mlflow-artifacts-recorded",
      modelRegistry: "model-registry-recorded",
      datasets: "datasets-recorded",
    },
    databaseHost: facts.database.host,
    databasePort: facts.database.port,
    imageRegistry: `${accountId}.dkr.ecr.${settings.region}.amazonaws.com/recorded`,
    workloadIdentity: (namespace, name) => ({ annotations: roleAnnotation(roleArn(`${namespace}-${name}`)) }),
  });
  return {
    systems: awsSystems(facts, target.ownCharts),
    context: { target, options: platformOptions(settings) },
  };
}
