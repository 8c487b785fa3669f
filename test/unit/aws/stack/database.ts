import { describe, expect, it } from "vitest";
import type { ConfigurationName } from "../configurations.ts";
import type { Run } from "../harness.ts";

const keyArn = "arn:aws:kms:us-east-1:123456789012:key/data-key";
const password = "password-of-mlflow-database-user-password";

export function describeDatabase(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];
  const instance = (name: ConfigurationName) =>
    runs[name].one("aws:rds/instance:Instance", "mlflow-database-instance").inputs;

  describe("database", () => {
    const standard = {
      instanceClass: "db.t4g.micro",
      multiAz: false,
      backupRetentionPeriod: 7,
      deletionProtection: false,
    };
    const kept = {
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: "mlflow-database-final-a1b2c3",
      deleteAutomatedBackups: false,
    };
    it.each([
      ["smallest", { ...standard, skipFinalSnapshot: true, deleteAutomatedBackups: true }],
      ["default", { ...standard, ...kept }],
      [
        "production",
        {
          instanceClass: "db.t4g.medium",
          multiAz: true,
          backupRetentionPeriod: 35,
          deletionProtection: true,
          ...kept,
        },
      ],
      ["spotOnly", { ...standard, ...kept }],
      ["noGpu", { ...standard, ...kept }],
    ] as const)("%s is private, encrypted, backed up, and holds no password of ours", (name, chosen) => {
      expect(instance(name)).toEqual({
        engine: "postgres",
        engineVersion: "17",
        autoMinorVersionUpgrade: true,
        allocatedStorage: 20,
        maxAllocatedStorage: 100,
        storageType: "gp3",
        storageEncrypted: true,
        kmsKeyId: keyArn,
        dbName: "mlflow",
        username: "administrator",
        manageMasterUserPassword: true,
        masterUserSecretKmsKeyId: keyArn,
        dbSubnetGroupName: "mlflow-database-subnets-id",
        parameterGroupName: "mlflow-database-parameters-id",
        vpcSecurityGroupIds: ["mlflow-database-access-id"],
        publiclyAccessible: false,
        caCertIdentifier: "rds-ca-rsa2048-g1",
        copyTagsToSnapshot: true,
        ...chosen,
      });
    });

    it("takes TLS connections from the nodes, and no others", () => {
      for (const name of names) {
        const group = runs[name].one("aws:ec2/securityGroup:SecurityGroup", "mlflow-database-access").inputs;
        expect(group.egress).toEqual([]);
        expect(group).not.toHaveProperty("ingress");
        expect(
          runs[name]
            .all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
            .map(({ inputs }) => inputs),
        ).toEqual([
          {
            securityGroupId: "mlflow-database-access-id",
            description: "PostgreSQL from the cluster's nodes",
            ipProtocol: "tcp",
            fromPort: 5432,
            toPort: 5432,
            referencedSecurityGroupId: "sg-cluster",
          },
        ]);
        const parameters = runs[name].one(
          "aws:rds/parameterGroup:ParameterGroup",
          "mlflow-database-parameters",
        );
        expect(parameters.inputs.parameters).toContainEqual({ name: "rds.force_ssl", value: "1" });
      }
    });

    it("lies in the subnets without a way out", () => {
      const subnets = runs.default.one("aws:rds/subnetGroup:SubnetGroup", "mlflow-database-subnets");
      expect(subnets.inputs.subnetIds).toEqual([
        "network-database-a-id",
        "network-database-b-id",
        "network-database-c-id",
      ]);
    });
  });

  describe("MLflow's database user", () => {
    it("has a long password that changes with its generation", () => {
      const generated = (name: ConfigurationName) =>
        runs[name].one("random:index/randomPassword:RandomPassword", "mlflow-database-user-password").inputs;
      expect(generated("default")).toMatchObject({
        length: 40,
        special: false,
        keepers: { generation: "1" },
      });
      expect(generated("production")).toMatchObject({ keepers: { generation: "3" } });
    });

    it("has its password in Secrets Manager, encrypted, and nowhere else", () => {
      for (const name of names) {
        const secret = runs[name].one("aws:secretsmanager/secret:Secret", "mlflow-database-user").inputs;
        expect(secret).toMatchObject({ kmsKeyId: keyArn });
        const holders = runs[name].resources.filter(({ inputs }) =>
          JSON.stringify(inputs).includes(password),
        );
        expect(holders.map(({ type }) => type)).toEqual(["aws:secretsmanager/secretVersion:SecretVersion"]);
        expect(holders[0]?.secretInputs).toContain("secretString");
      }
    });

    it("has a Secret of a new name for a new password, in MLflow's namespace", () => {
      const secretName = (name: ConfigurationName) => {
        const { database } = runs[name].target;
        return database.kind === "postgres" ? database.existingSecret : undefined;
      };
      expect(secretName("default")).toBe("mlflow-database-1");
      expect(secretName("production")).toBe("mlflow-database-3");
      const external = runs.production.one(
        "kubernetes:external-secrets.io/v1:ExternalSecret",
        "mlflow-database-user-credentials",
      ).inputs as { metadata: object; spec: { target: object; data: object[] } };
      expect(external.metadata).toEqual({ namespace: "mlflow", name: "mlflow-database-3" });
      expect(external.spec.target).toEqual({ name: "mlflow-database-3", creationPolicy: "Owner" });
      expect(external.spec.data).toEqual(
        ["username", "password"].map((property) => ({
          secretKey: property,
          remoteRef: {
            key: "arn:aws:secretsmanager:us-east-1:123456789012:secret:mlflow",
            version: "uuid/version-1",
            property,
          },
        })),
      );
    });

    it("is made by a Job that alone sees the administrator's password, outside MLflow's namespace", () => {
      const external = runs.default
        .all("kubernetes:external-secrets.io/v1:ExternalSecret")
        .map(({ inputs }) => inputs as { metadata: { namespace: string }; spec: { data: unknown[] } });
      const administrator = external.filter(({ spec }) => JSON.stringify(spec.data).includes("rds!db"));
      expect(administrator.map(({ metadata }) => metadata.namespace)).toEqual(["external-secrets"]);
      const job = runs.default.one("kubernetes:batch/v1:Job", "mlflow-database-user-job").inputs;
      expect(JSON.stringify(job)).not.toContain("password-of");
      expect(job).toMatchObject({
        metadata: { namespace: "external-secrets", name: "mlflow-database-1-user" },
        spec: {
          template: {
            spec: { automountServiceAccountToken: false, containers: [{ name: "psql" }] },
          },
        },
      });
    });

    it("reads its credentials through a store for these two namespaces only", () => {
      const store = runs.default.one(
        "kubernetes:external-secrets.io/v1:ClusterSecretStore",
        "mlflow-database-user-store",
      );
      expect(store.inputs.spec).toEqual({
        conditions: [{ namespaces: ["mlflow", "external-secrets"] }],
        provider: { aws: { service: "SecretsManager", region: "us-east-1" } },
      });
    });
  });
}
