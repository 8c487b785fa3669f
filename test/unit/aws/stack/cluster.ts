import { describe, expect, it } from "vitest";
import type { ConfigurationName } from "../configurations.ts";
import type { Run } from "../harness.ts";

const clusterName = "mlops-aws-a1b2c3";
/** What @pulumi/eks adds to the options of an add-on, even of one that is off. */
const conflicts = { resolveConflictsOnCreate: "OVERWRITE", resolveConflictsOnUpdate: "OVERWRITE" };
const logTypes = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

export function describeCluster(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];
  const controlPlane = (name: ConfigurationName) =>
    runs[name].one("eks:index:Cluster", "cluster-control-plane");

  describe("control plane", () => {
    it.each([
      ["smallest", true, ["203.0.113.0/24"]],
      ["default", true, ["203.0.113.0/24"]],
      ["production", true, ["203.0.113.0/24"]],
      ["spotOnly", true, ["203.0.113.0/24"]],
      ["noGpu", false, undefined],
    ] as const)("%s leaves no choice that touches security to defaults", (name, isPublic, cidrs) => {
      const { tags, privateSubnetIds, serviceRole, ...inputs } = controlPlane(name).inputs;
      expect(inputs).toEqual({
        name: clusterName,
        version: "1.35",
        upgradePolicy: { supportType: "STANDARD" },
        createInstanceRole: false,
        authenticationMode: "API",
        vpcId: "network-vpc-id",
        nodeAssociatePublicIpAddress: false,
        ipFamily: "ipv4",
        kubernetesServiceIpAddressRange: "172.20.0.0/16",
        endpointPrivateAccess: true,
        endpointPublicAccess: isPublic,
        ...(cidrs === undefined ? {} : { publicAccessCidrs: cidrs }),
        encryptionConfigKeyArn: "arn:aws:kms:us-east-1:123456789012:key/cluster-key",
        enabledClusterLogTypes: logTypes,
        bootstrapSelfManagedAddons: false,
        useDefaultVpcCni: true,
        corednsAddonOptions: { enabled: false, ...conflicts },
        kubeProxyAddonOptions: { enabled: false, ...conflicts },
        skipDefaultNodeGroup: true,
        skipDefaultSecurityGroups: true,
        createOidcProvider: false,
      });
      expect(privateSubnetIds).toEqual(
        runs[name]
          .all("aws:ec2/subnet:Subnet")
          .filter((subnet) => subnet.name.includes("private"))
          .map((subnet) => `${subnet.name}-id`),
      );
      expect(serviceRole).toBeDefined();
      expect(tags).toMatchObject({ Project: "mlops", Stack: "aws" });
    });

    it("is made by the stack's own provider, so in its account and region", () => {
      for (const name of names) expect(controlPlane(name).provider).toContain("pulumi:providers:aws::aws::");
    });

    it("opens nothing to everybody, anywhere", () => {
      for (const name of names) {
        for (const { type, inputs } of runs[name].resources) {
          if (type === "aws:ec2/route:Route") continue;
          expect(JSON.stringify(inputs)).not.toContain("0.0.0.0/0");
        }
      }
    });

    it("encrypts secrets and logs with a key of its own that rotates", () => {
      for (const name of names) {
        const key = runs[name].one("aws:kms/key:Key", "cluster-key");
        expect(key.inputs).toMatchObject({ enableKeyRotation: true, deletionWindowInDays: 30 });
        expect(JSON.parse(String(key.inputs.policy)).Statement[1].Condition).toEqual({
          ArnEquals: {
            "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:${name === "noGpu" ? "eu-west-1" : "us-east-1"}:123456789012:log-group:/aws/eks/${clusterName}/cluster`,
          },
        });
      }
    });

    it.each([
      ["smallest", 1, false],
      ["default", 30, true],
      ["production", 365, true],
      ["spotOnly", 30, true],
      ["noGpu", 30, true],
    ] as const)("%s keeps logs for %d day(s)", (name, retentionInDays, skipDestroy) => {
      expect(runs[name].one("aws:cloudwatch/logGroup:LogGroup", "cluster-logs").inputs).toEqual({
        name: `/aws/eks/${clusterName}/cluster`,
        retentionInDays,
        skipDestroy,
        kmsKeyId: "arn:aws:kms:us-east-1:123456789012:key/cluster-key",
      });
    });

    it("makes administrators of the roles that config names, and of no one else", () => {
      expect(runs.default.all("aws:eks/accessEntry:AccessEntry")).toEqual([]);
      const principalArn = "arn:aws:iam::123456789012:role/platform-admins";
      const { production } = runs;
      expect(production.one("aws:eks/accessEntry:AccessEntry", "cluster-admin-0").inputs).toEqual({
        clusterName,
        principalArn,
        type: "STANDARD",
      });
      expect(
        production.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "cluster-admin-0-policy")
          .inputs,
      ).toEqual({
        clusterName,
        principalArn,
        policyArn: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        accessScope: { type: "cluster" },
      });
    });

    it("lets AWS trust its tokens for STS only", () => {
      for (const name of names) {
        const provider = runs[name].one(
          "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
          "cluster-identity-provider",
        );
        expect(provider.inputs).toEqual({
          url: "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE",
          clientIdLists: ["sts.amazonaws.com"],
        });
      }
    });
  });

  describe("add-ons", () => {
    it("are pinned to the versions for the cluster", () => {
      for (const name of names) {
        const versions = runs[name]
          .all("aws:eks/addon:Addon")
          .map(({ inputs }) => [inputs.addonName, inputs.addonVersion]);
        expect(Object.fromEntries(versions)).toEqual({
          "vpc-cni": "v1.22.3-eksbuild.1",
          "kube-proxy": "v1.35.3-eksbuild.17",
          coredns: "v1.13.2-eksbuild.11",
          "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
          "metrics-server": "v0.9.0-eksbuild.5",
        });
      }
    });

    it("enforce network policies, and use roles of their own", () => {
      const cni = runs.default.one("aws:eks/addon:Addon", "vpc-cni").inputs;
      expect(JSON.parse(String(cni.configurationValues))).toMatchObject({ enableNetworkPolicy: "true" });
      expect(cni.serviceAccountRoleArn).toBe("arn:aws:iam::123456789012:role/kube-system-aws-node-id");
      const ebs = runs.default.one("aws:eks/addon:Addon", "aws-ebs-csi-driver").inputs;
      expect(ebs.serviceAccountRoleArn).toBe(
        "arn:aws:iam::123456789012:role/kube-system-ebs-csi-controller-sa-id",
      );
    });

    it("include an encrypted gp3 class that is the default", () => {
      for (const name of names) {
        expect(runs[name].one("kubernetes:storage.k8s.io/v1:StorageClass", "gp3").inputs).toMatchObject({
          metadata: {
            name: "gp3",
            annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
          },
          provisioner: "ebs.csi.aws.com",
          parameters: { type: "gp3", encrypted: "true" },
          volumeBindingMode: "WaitForFirstConsumer",
        });
      }
    });
  });
}
