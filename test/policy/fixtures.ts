/** Objects that pass every rule; each test changes one field of a copy. */

const tags = { Project: "mlops", Stack: "aws", Owner: "ada", CostCenter: "42" };

export const gpuJob = {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "train", namespace: "team-a" },
  spec: {
    activeDeadlineSeconds: 3600,
    parallelism: 1,
    template: {
      metadata: { labels: { "mlops.dev/owner": "ada", "mlops.dev/queue": "training" } },
      spec: {
        restartPolicy: "Never",
        serviceAccountName: "trainer",
        nodeSelector: { "mlops.dev/accelerator": "t4" },
        tolerations: [{ key: "nvidia.com/gpu", operator: "Exists" }],
        volumes: [{ name: "scratch", emptyDir: {} }],
        containers: [
          {
            name: "train",
            image: "ghcr.io/mlops-platform/train:v20250907-0a1b2c3",
            resources: {
              requests: { cpu: "2", memory: "8Gi" },
              limits: { memory: "8Gi", "nvidia.com/gpu": 1 },
            },
            securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true },
          },
        ],
      },
    },
  },
};

export const release = {
  name: "argo-cd",
  chart: "argo-cd",
  version: "10.1.1",
  repositoryOpts: { repo: "https://argoproj.github.io/argo-helm" },
  namespace: "argocd",
  timeout: 600,
  skipAwait: false,
  values: { image: { repository: "quay.io/argoproj/argocd", tag: "v3.4.4" }, existingSecret: "argocd" },
};

export const policy = {
  tags,
  policy: {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::datasets/*"] }],
  },
};

const issuer = "oidc.eks.us-east-1.amazonaws.com/id/X";

export const role = {
  tags,
  managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"],
  assumeRolePolicy: {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: "sts:AssumeRoleWithWebIdentity",
        Principal: { Federated: `arn:aws:iam::1:oidc-provider/${issuer}` },
        Condition: {
          StringEquals: {
            [`${issuer}:sub`]: "system:serviceaccount:mlflow:mlflow",
            [`${issuer}:aud`]: "sts.amazonaws.com",
          },
        },
      },
    ],
  },
};

export const cluster = {
  tags,
  vpcConfig: {
    endpointPrivateAccess: true,
    endpointPublicAccess: true,
    publicAccessCidrs: ["203.0.113.0/24"],
  },
  encryptionConfig: { provider: { keyArn: "arn:aws:kms:us-east-1:1:key/x" }, resources: ["secrets"] },
  enabledClusterLogTypes: ["api", "audit", "authenticator"],
};

export const nodeGroup = {
  tags,
  instanceTypes: ["g6.xlarge"],
  scalingConfig: { minSize: 0, desiredSize: 0, maxSize: 2 },
  taints: [{ key: "nvidia.com/gpu", effect: "NO_SCHEDULE" }],
};

export const launchTemplate = { tags, metadataOptions: { httpTokens: "required" } };

export const database = { tags, storageEncrypted: true, publiclyAccessible: false };

export const repository = {
  tags,
  imageTagMutability: "IMMUTABLE",
  imageScanningConfiguration: { scanOnPush: true },
};
