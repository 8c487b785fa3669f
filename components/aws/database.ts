import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { AwsSettings } from "../../config/awsSchema.ts";
import { mlflowDatabaseName } from "./databaseNames.ts";

export interface DatabaseArgs {
  readonly vpcId: pulumi.Input<string>;
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** Security group that may connect: the nodes'. */
  readonly clientSecurityGroupId: pulumi.Input<string>;
  readonly keyArn: pulumi.Input<string>;
  /** Unique suffix, for names that must not come back (a snapshot's). */
  readonly suffix: pulumi.Input<string>;
  readonly settings: AwsSettings["database"];
  /** Whether `destroy` leaves a last snapshot behind. */
  readonly retain: boolean;
}

const port = 5432;

/**
 * PostgreSQL for MLflow on RDS.
 *
 * Two users, neither of whose passwords is an input or output of the stack: the administrator's is made,
 * kept and rotated every 7 days by RDS and is used by one Job only (components/aws/databaseUser.ts);
 * MLflow's own is made here, kept in Secrets Manager, and changes when `passwordGeneration` does.
 */
export class Database extends pulumi.ComponentResource {
  readonly host: pulumi.Output<string>;
  readonly port: number = port;
  /** Secret with JSON keys `username` and `password` of MLflow's user, and the version that is current. */
  readonly userSecret: { readonly arn: pulumi.Output<string>; readonly versionId: pulumi.Output<string> };
  /** Secret with JSON keys `username` and `password` of the administrator; RDS owns it. */
  readonly administratorSecretArn: pulumi.Output<string>;
  /** Name of the snapshot that `destroy` leaves behind, if any. */
  readonly finalSnapshot: pulumi.Output<string> | undefined;

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:Database", name, {}, opts);
    this.finalSnapshot = args.retain ? pulumi.interpolate`${name}-final-${args.suffix}` : undefined;
    const instance = this.createInstance(name, args, this.createSecurityGroup(name, args));
    this.host = instance.address;
    this.administratorSecretArn = instance.masterUserSecrets.apply(([secret]) => secret?.secretArn ?? "");
    this.userSecret = this.createUserSecret(name, args);
    this.registerOutputs({ host: this.host });
  }

  private createSecurityGroup(name: string, args: DatabaseArgs): aws.ec2.SecurityGroup {
    const group = new aws.ec2.SecurityGroup(
      `${name}-access`,
      {
        vpcId: args.vpcId,
        description: "MLflow's database: PostgreSQL from the cluster's nodes",
        // No egress: a database answers, it does not call.
        egress: [],
        tags: { Name: `${name}-access` },
      },
      { parent: this },
    );
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-from-nodes`,
      {
        securityGroupId: group.id,
        description: "PostgreSQL from the cluster's nodes",
        ipProtocol: "tcp",
        fromPort: port,
        toPort: port,
        referencedSecurityGroupId: args.clientSecurityGroupId,
      },
      { parent: this },
    );
    return group;
  }

  private createInstance(name: string, args: DatabaseArgs, access: aws.ec2.SecurityGroup): aws.rds.Instance {
    const { settings } = args;
    const subnets = new aws.rds.SubnetGroup(
      `${name}-subnets`,
      { description: "Subnets without a way out", subnetIds: [...args.subnetIds] },
      { parent: this },
    );
    const parameters = new aws.rds.ParameterGroup(
      `${name}-parameters`,
      {
        family: "postgres17",
        description: "TLS only",
        parameters: [
          { name: "rds.force_ssl", value: "1" },
          { name: "log_connections", value: "1" },
        ],
      },
      { parent: this },
    );
    return new aws.rds.Instance(
      `${name}-instance`,
      {
        engine: "postgres",
        engineVersion: "17",
        autoMinorVersionUpgrade: true,
        instanceClass: settings.instanceClass,
        allocatedStorage: settings.storageGiB,
        maxAllocatedStorage: settings.maxStorageGiB,
        storageType: "gp3",
        storageEncrypted: true,
        kmsKeyId: args.keyArn,
        multiAz: settings.multiAz,
        dbName: mlflowDatabaseName,
        username: "administrator",
        manageMasterUserPassword: true,
        masterUserSecretKmsKeyId: args.keyArn,
        dbSubnetGroupName: subnets.name,
        parameterGroupName: parameters.name,
        vpcSecurityGroupIds: [access.id],
        publiclyAccessible: false,
        caCertIdentifier: "rds-ca-rsa2048-g1",
        backupRetentionPeriod: settings.backupDays,
        copyTagsToSnapshot: true,
        deleteAutomatedBackups: !args.retain,
        deletionProtection: settings.deletionProtection,
        skipFinalSnapshot: !args.retain,
        ...(this.finalSnapshot === undefined ? {} : { finalSnapshotIdentifier: this.finalSnapshot }),
      },
      { parent: this },
    );
  }

  private createUserSecret(name: string, args: DatabaseArgs): Database["userSecret"] {
    const password = new random.RandomPassword(
      `${name}-user-password`,
      // Letters and digits: it becomes part of a connection URL.
      {
        length: 40,
        special: false,
        keepers: { generation: String(args.settings.passwordGeneration) },
      },
      { parent: this, additionalSecretOutputs: ["result", "bcryptHash"] },
    );
    const secret = new aws.secretsmanager.Secret(
      `${name}-user`,
      {
        description: "MLflow's database user",
        kmsKeyId: args.keyArn,
        // The password is good for nothing once the database is gone.
        recoveryWindowInDays: 0,
      },
      { parent: this },
    );
    const version = new aws.secretsmanager.SecretVersion(
      `${name}-user-password-version`,
      {
        secretId: secret.id,
        secretString: pulumi.secret(
          pulumi.jsonStringify({ username: mlflowDatabaseName, password: password.result }),
        ),
      },
      { parent: this },
    );
    return { arn: version.arn, versionId: version.versionId };
  }
}
