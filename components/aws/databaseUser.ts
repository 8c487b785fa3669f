import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { restrictedContainer, restrictedPod } from "../platform/values.ts";
import { databaseUserLabels } from "../tenancy/names.ts";
import { mlflowDatabaseName, userSecretName } from "./databaseNames.ts";

/** How to connect, and where the credentials of the two users are kept. */
export interface DatabaseAccess {
  readonly host: pulumi.Input<string>;
  readonly port: number;
  /** Secrets Manager secret of MLflow's user, and the version that is current. */
  readonly userSecret: { readonly arn: pulumi.Input<string>; readonly versionId: pulumi.Input<string> };
  readonly administratorSecretArn: pulumi.Input<string>;
}

export interface DatabaseUserArgs {
  readonly database: DatabaseAccess;
  readonly region: string;
  readonly provider: k8s.Provider;
  /** MLflow's namespace, in which its credentials appear. */
  readonly namespace: string;
  /** Namespace in which the Job runs, the only one that sees the administrator's credentials. */
  readonly administratorNamespace: string;
  readonly passwordGeneration: number;
}

const store = "mlflow-database";
const administratorSecret = "mlflow-database-administrator";
/** psql 15 or newer: \getenv. */
const image = "public.ecr.aws/docker/library/postgres:17.6-alpine3.22";

/**
 * What the Job runs: makes MLflow's user, or gives it its new password. Safe to run again.
 *
 * Passwords come from the environment, never from a command line, and psql quotes them.
 */
export const userSql = String.raw`\set ON_ERROR_STOP on
\getenv user APP_USER
\getenv password APP_PASSWORD
\getenv database PGDATABASE
SELECT format('CREATE ROLE %I', :'user') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
ALTER ROLE :"user" WITH LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'password';
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"user";
GRANT USAGE, CREATE ON SCHEMA public TO :"user";
`;

/**
 * MLflow's database user: its credentials as a Kubernetes Secret by external-secrets, and a Job inside the
 * cluster that makes the user, because nothing outside the VPC reaches the database.
 *
 * Needs the external-secrets chart. MLflow's release must wait for it and depend on it.
 */
export class DatabaseUser extends pulumi.ComponentResource {
  constructor(name: string, args: DatabaseUserArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:DatabaseUser", name, {}, opts);
    const options = { parent: this, provider: args.provider };
    const secretStore = this.createStore(name, args, options);
    const afterStore = { ...options, dependsOn: [secretStore] };
    const secrets = this.createSecrets(name, args, afterStore);
    this.createJob(name, args, { ...options, dependsOn: secrets });
    this.registerOutputs({});
  }

  /** Reads from Secrets Manager with external-secrets' own role, for the two namespaces only. */
  private createStore(
    name: string,
    args: DatabaseUserArgs,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    return new k8s.apiextensions.CustomResource(
      `${name}-store`,
      {
        apiVersion: "external-secrets.io/v1",
        kind: "ClusterSecretStore",
        metadata: { name: store },
        spec: {
          conditions: [{ namespaces: [args.namespace, args.administratorNamespace] }],
          provider: { aws: { service: "SecretsManager", region: args.region } },
        },
      },
      options,
    );
  }

  private createSecrets(
    name: string,
    args: DatabaseUserArgs,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource[] {
    const { database, namespace, administratorNamespace } = args;
    const secretName = userSecretName(args.passwordGeneration);
    // The version is named: a password that changes behind this program's back is not picked up.
    const version = pulumi.interpolate`uuid/${database.userSecret.versionId}`;
    const user = { key: database.userSecret.arn, version };
    const administrator = { key: database.administratorSecretArn };
    const make = (
      suffix: string,
      into: { readonly namespace: string; readonly name: string },
      from: Readonly<Record<string, pulumi.Input<string>>>,
    ): pulumi.Resource =>
      new k8s.apiextensions.CustomResource(
        `${name}-${suffix}`,
        {
          apiVersion: "external-secrets.io/v1",
          kind: "ExternalSecret",
          metadata: into,
          spec: {
            refreshInterval: "1h",
            secretStoreRef: { name: store, kind: "ClusterSecretStore" },
            target: { name: into.name, creationPolicy: "Owner" },
            data: ["username", "password"].map((property) => ({
              secretKey: property,
              remoteRef: { ...from, property },
            })),
          },
        },
        options,
      );
    return [
      make("credentials", { namespace, name: secretName }, user),
      make("job-credentials", { namespace: administratorNamespace, name: secretName }, user),
      make("administrator", { namespace: administratorNamespace, name: administratorSecret }, administrator),
    ];
  }

  private createJob(name: string, args: DatabaseUserArgs, options: pulumi.CustomResourceOptions): void {
    const { administratorNamespace: namespace, database } = args;
    const secretName = userSecretName(args.passwordGeneration);
    const fromSecret = (variable: string, secret: string, key: string) => ({
      name: variable,
      valueFrom: { secretKeyRef: { name: secret, key } },
    });
    new k8s.batch.v1.Job(
      `${name}-job`,
      {
        metadata: { name: `${secretName}-user`, namespace },
        spec: {
          // Minutes, because the Secrets appear only after external-secrets has read them.
          backoffLimit: 10,
          activeDeadlineSeconds: 900,
          template: {
            metadata: { labels: databaseUserLabels },
            spec: {
              restartPolicy: "Never",
              automountServiceAccountToken: false,
              securityContext: { ...restrictedPod, runAsUser: 70, runAsGroup: 70 },
              containers: [
                {
                  name: "psql",
                  image,
                  command: ["sh", "-c", 'printf "%s" "$USER_SQL" | psql --no-psqlrc --file -'],
                  env: [
                    { name: "USER_SQL", value: userSql },
                    { name: "PGHOST", value: database.host },
                    { name: "PGPORT", value: String(database.port) },
                    { name: "PGDATABASE", value: mlflowDatabaseName },
                    { name: "PGSSLMODE", value: "require" },
                    fromSecret("PGUSER", administratorSecret, "username"),
                    fromSecret("PGPASSWORD", administratorSecret, "password"),
                    fromSecret("APP_USER", secretName, "username"),
                    fromSecret("APP_PASSWORD", secretName, "password"),
                  ],
                  securityContext: {
                    ...restrictedContainer,
                    capabilities: { drop: ["ALL"] },
                    readOnlyRootFilesystem: true,
                  },
                  resources: {
                    requests: { cpu: "10m", memory: "32Mi" },
                    limits: { cpu: "200m", memory: "128Mi" },
                  },
                },
              ],
            },
          },
        },
      },
      // A Job's template cannot change.
      { ...options, deleteBeforeReplace: true, replaceOnChanges: ["spec"] },
    );
  }
}
