import { describe, expect, it } from "vitest";
import type { PolicyDocument } from "../../../../components/aws/iam/document.ts";
import type { ConfigurationName } from "../configurations.ts";
import type { Run } from "../harness.ts";
import { simulate } from "../simulate.ts";

const issuer = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE";
const dataKey = "arn:aws:kms:us-east-1:123456789012:key/data-key";

/** Service account roles, `namespace-name` as their resources are called. */
const serviceAccounts = {
  "kube-system-aws-node": "kube-system:aws-node",
  "kube-system-ebs-csi-controller-sa": "kube-system:ebs-csi-controller-sa",
  "aws-controllers-cluster-autoscaler": "aws-controllers:cluster-autoscaler",
  "aws-controllers-aws-load-balancer-controller": "aws-controllers:aws-load-balancer-controller",
  "external-secrets-external-secrets": "external-secrets:external-secrets",
  "mlflow-mlflow": "mlflow:mlflow",
} as const;
const ofDomain = {
  "aws-controllers-external-dns": "aws-controllers:external-dns",
  "cert-manager-cert-manager": "cert-manager:cert-manager",
} as const;

export function describeIdentity(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];
  const policyOf = (name: ConfigurationName, role: string): PolicyDocument =>
    JSON.parse(String(runs[name].one("aws:iam/rolePolicy:RolePolicy", `${role}-policy`).inputs.policy));

  describe("roles", () => {
    it.each(names)("%s has one for each service account, and no other", (name) => {
      const wanted = { ...serviceAccounts, ...(name === "production" ? ofDomain : {}) };
      const roles = runs[name].all("aws:iam/role:Role").map((role) => role.name);
      expect(roles.sort()).toEqual(
        [
          ...Object.keys(wanted),
          "cluster-role",
          "node-role",
          ...(name === "production" ? ["github-image-push", "github-preview"] : []),
        ].sort(),
      );
      for (const [role, subject] of Object.entries(wanted)) {
        const trust = JSON.parse(String(runs[name].one("aws:iam/role:Role", role).inputs.assumeRolePolicy));
        expect(trust.Statement).toEqual([
          {
            Sid: "ServiceAccount",
            Effect: "Allow",
            Principal: { Federated: `arn:aws:iam::123456789012:oidc-provider/${issuer}` },
            Action: ["sts:AssumeRoleWithWebIdentity"],
            Condition: {
              StringEquals: {
                [`${issuer}:sub`]: `system:serviceaccount:${subject}`,
                [`${issuer}:aud`]: "sts.amazonaws.com",
              },
            },
          },
        ]);
      }
    });

    it("use AWS's own policies only for the parts that AWS makes", () => {
      for (const name of names) {
        const attached = runs[name]
          .all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
          .map(({ inputs }) => [
            String(inputs.policyArn).replace("arn:aws:iam::aws:policy/", ""),
            inputs.role,
          ]);
        expect(Object.fromEntries(attached)).toEqual({
          AmazonEKSClusterPolicy: "cluster-role-id",
          AmazonEKSWorkerNodePolicy: "node-role-id",
          AmazonEC2ContainerRegistryPullOnly: "node-role-id",
          AmazonEKS_CNI_Policy: "kube-system-aws-node-id",
        });
      }
    });

    it("let EKS and EC2 take on theirs, and nobody else", () => {
      const principal = (role: string) =>
        JSON.parse(String(runs.default.one("aws:iam/role:Role", role).inputs.assumeRolePolicy)).Statement[0]
          .Principal;
      expect(principal("cluster-role")).toEqual({ Service: "eks.amazonaws.com" });
      expect(principal("node-role")).toEqual({ Service: "ec2.amazonaws.com" });
    });

    it("of workloads reach the real bucket with the real key, and no other bucket", async () => {
      const policy = policyOf("default", "mlflow-mlflow");
      const put = (bucket: string) =>
        simulate(policy, { action: "s3:PutObject", resource: `arn:aws:s3:::${bucket}/1/artifact` });
      expect(await put("mlflow-artifacts-id")).toBe("allowed");
      expect(await put("model-registry-id")).toBe("denied");
      const context = { "kms:ViaService": "s3.us-east-1.amazonaws.com" };
      const decrypt = (resource: string) => simulate(policy, { action: "kms:Decrypt", resource, context });
      expect(await decrypt(dataKey)).toBe("allowed");
      expect(await decrypt("arn:aws:kms:us-east-1:123456789012:key/cluster-key")).toBe("denied");
    });

    it("of external-secrets read the two secrets of the database, and the login's where there is one", () => {
      const secretsOf = (name: ConfigurationName) =>
        policyOf(name, "external-secrets-external-secrets").Statement[0]?.Resource;
      const database = [
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:mlflow",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1",
      ];
      expect(secretsOf("default")).toEqual(database);
      expect(secretsOf("production")).toEqual([
        ...database,
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:dashboards-AbCdEf",
      ]);
    });

    it("of the load balancer controller know the real cluster, VPC and security group", async () => {
      const policy = policyOf("default", "aws-controllers-aws-load-balancer-controller");
      const ec2 = (resource: string) => `arn:aws:ec2:us-east-1:123456789012:${resource}`;
      const open = (group: string) =>
        simulate(policy, { action: "ec2:AuthorizeSecurityGroupIngress", resource: ec2(group) });
      expect(await open("security-group/sg-cluster")).toBe("allowed");
      expect(await open("security-group/mlflow-database-access-id")).toBe("denied");
    });
  });

  describe("workload identity", () => {
    it("gives a service account its role by annotation, and no Secret", () => {
      const grants = [{ bucket: "mlflowArtifacts", access: "readWrite" }] as const;
      const identity = runs.default.target.workloadIdentity("mlflow", "mlflow", grants);
      expect(Object.keys(identity)).toEqual(["annotations"]);
      expect(Object.keys(identity.annotations)).toEqual(["eks.amazonaws.com/role-arn"]);
    });

    it("refuses one service account with two sets of grants", () => {
      expect(() =>
        runs.default.target.workloadIdentity("mlflow", "mlflow", [{ bucket: "datasets", access: "read" }]),
      ).toThrow("service account mlflow/mlflow asks for");
    });

    it("makes no role for who needs nothing", () => {
      expect(runs.default.target.workloadIdentity("ray", "ray-head", [])).toEqual({ annotations: {} });
    });
  });

  describe("GitHub", () => {
    it("has no role where no repository is configured", () => {
      expect(runs.default.all("aws:iam/openIdConnectProvider:OpenIdConnectProvider")).toHaveLength(1);
    });

    it("previews for pull requests to the configured repository, by number where it has one", () => {
      const trust = JSON.parse(
        String(runs.production.one("aws:iam/role:Role", "github-preview").inputs.assumeRolePolicy),
      );
      expect(trust.Statement[0].Condition.StringEquals).toMatchObject({
        "token.actions.githubusercontent.com:sub": "repo:example@4711/platform@1234567:pull_request",
      });
    });

    it("pushes to the stack's repositories from the configured branch", async () => {
      const trust = JSON.parse(
        String(runs.production.one("aws:iam/role:Role", "github-image-push").inputs.assumeRolePolicy),
      );
      expect(trust.Statement[0].Condition.StringEquals).toEqual({
        "token.actions.githubusercontent.com:sub": "repo:example@4711/platform@1234567:ref:refs/heads/main",
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
      });
      const policy = policyOf("production", "github-image-push");
      const put = (repository: string) =>
        simulate(policy, {
          action: "ecr:PutImage",
          resource: `arn:aws:ecr:us-east-1:123456789012:repository/${repository}`,
        });
      expect(await put("mlops-aws-a1b2c3/training")).toBe("allowed");
      expect(await put("mlops-aws-ffffff/training")).toBe("denied");
    });
  });
}
