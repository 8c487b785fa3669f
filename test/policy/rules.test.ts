import { describe, expect, test } from "vitest";
import { rules } from "../../policy/rules/catalog.ts";
import { type Path, valueAt, withValue } from "../../policy/rules/json.ts";
import type { Context, Finding, Rule } from "../../policy/rules/types.ts";
import { corpusContext } from "./corpus.ts";
import {
  cluster,
  database,
  gpuJob,
  launchTemplate,
  nodeGroup,
  policy,
  release,
  repository,
  role,
} from "./fixtures.ts";

/** One rule: an object that passes, one value that makes it fail, and one property whose absence is judged. */
interface Case {
  readonly happy: unknown;
  readonly failing: readonly [Path, unknown];
  readonly missing: readonly [Path, "passes" | "fails" | "defers"];
  readonly context?: Context;
  /** Type token, for AWS rules. */
  readonly type?: string;
}

const POD: Path = ["spec", "template", "spec"];
const CONTAINER: Path = [...POD, "containers", 0];
const RESOURCES: Path = [...CONTAINER, "resources"];
const GPU: Path = [...RESOURCES, "limits", "nvidia.com/gpu"];
const LABELS: Path = ["spec", "template", "metadata", "labels"];
const IMAGE: Path = [...CONTAINER, "image"];
const SECURITY: Path = [...CONTAINER, "securityContext"];
const VALUES_IMAGE: Path = ["values", "image"];
const STATEMENT: Path = ["policy", "Statement", 0];
const TRUST: Path = ["assumeRolePolicy", "Statement", 0];

const local = corpusContext("local");
const aws = corpusContext("aws");
const ownImage = "ghcr.io/mlops-platform/train";
const ownByDigest = `${ownImage}@sha256:${"0".repeat(64)}`;

const cases: Readonly<Record<string, Case>> = {
  "gpu-request": { happy: gpuJob, failing: [GPU, "0"], missing: [GPU, "fails"] },
  "gpu-quantity": { happy: gpuJob, failing: [GPU, 1.5], missing: [GPU, "passes"] },
  "gpu-resource-name": {
    happy: gpuJob,
    failing: [[...RESOURCES, "limits", "nvidia.com/mig-1g.5gb"], 1],
    missing: [[...RESOURCES, "limits"], "passes"],
  },
  "gpu-cpu-memory": {
    happy: gpuJob,
    failing: [[...RESOURCES, "requests", "cpu"], "0"],
    missing: [[...RESOURCES, "requests", "cpu"], "fails"],
  },
  "gpu-accelerator-class": {
    happy: gpuJob,
    failing: [[...POD, "nodeSelector", "mlops.dev/accelerator"], "h100"],
    missing: [[...POD, "nodeSelector"], "fails"],
  },
  "gpu-owner-queue": {
    happy: gpuJob,
    failing: [[...LABELS, "mlops.dev/owner"], ""],
    missing: [LABELS, "fails"],
  },
  "gpu-deadline": {
    happy: gpuJob,
    failing: [["spec", "activeDeadlineSeconds"], 0],
    missing: [["spec", "activeDeadlineSeconds"], "fails"],
  },
  "gpu-namespace-quota": {
    happy: gpuJob,
    failing: [["metadata", "namespace"], "team-cpu"],
    missing: [["metadata", "namespace"], "defers"],
  },
  "gpu-team-maximum": {
    happy: gpuJob,
    failing: [["spec", "parallelism"], 3],
    missing: [["spec", "parallelism"], "passes"],
  },
  "image-reference": { happy: gpuJob, failing: [IMAGE, "GHCR.io/x:1.2.3"], missing: [IMAGE, "fails"] },
  "image-tag": { happy: gpuJob, failing: [IMAGE, `${ownImage}:latest`], missing: [IMAGE, "passes"] },
  "image-registry": { happy: gpuJob, failing: [IMAGE, "evil.example/x:1.2.3"], missing: [IMAGE, "passes"] },
  "image-own-digest": {
    happy: withValue(gpuJob, IMAGE, ownByDigest),
    failing: [IMAGE, `${ownImage}:1.2.3`],
    missing: [IMAGE, "passes"],
    context: aws,
  },
  "image-reference-in-values": {
    happy: release,
    failing: [[...VALUES_IMAGE, "repository"], "quay.io/Argo"],
    missing: [[...VALUES_IMAGE, "repository"], "passes"],
  },
  "image-tag-in-values": {
    happy: release,
    failing: [[...VALUES_IMAGE, "tag"], "latest"],
    missing: [[...VALUES_IMAGE, "tag"], "passes"],
  },
  "image-registry-in-values": {
    happy: release,
    failing: [[...VALUES_IMAGE, "repository"], "evil.example/argocd"],
    missing: [[...VALUES_IMAGE, "repository"], "passes"],
  },
  "image-own-digest-in-values": {
    happy: withValue(release, ["values", "own"], { image: ownByDigest }),
    failing: [["values", "own", "image"], `${ownImage}:1.2.3`],
    missing: [["values", "own"], "passes"],
    context: aws,
  },
  "no-privileged": {
    happy: gpuJob,
    failing: [[...SECURITY, "privileged"], true],
    missing: [SECURITY, "passes"],
  },
  "no-host-path": {
    happy: gpuJob,
    failing: [[...POD, "volumes", 0], { name: "x", hostPath: { path: "/" } }],
    missing: [[...POD, "volumes"], "passes"],
  },
  "no-host-namespaces": { happy: gpuJob, failing: [[...POD, "hostIPC"], true], missing: [POD, "passes"] },
  "no-added-capabilities": {
    happy: gpuJob,
    failing: [[...SECURITY, "capabilities"], { add: ["SYS_PTRACE"] }],
    missing: [SECURITY, "passes"],
  },
  "container-resources": {
    happy: gpuJob,
    failing: [[...RESOURCES, "limits", "memory"], ""],
    missing: [RESOURCES, "fails"],
  },
  "run-as-non-root": {
    happy: gpuJob,
    failing: [[...SECURITY, "runAsUser"], 0],
    missing: [[...SECURITY, "runAsNonRoot"], "fails"],
  },
  "read-only-root": {
    happy: gpuJob,
    failing: [[...SECURITY, "readOnlyRootFilesystem"], false],
    missing: [[...SECURITY, "readOnlyRootFilesystem"], "fails"],
  },
  "service-account-token": {
    happy: gpuJob,
    failing: [[...POD, "serviceAccountName"], "default"],
    missing: [[...POD, "serviceAccountName"], "fails"],
  },
  "release-version": { happy: release, failing: [["version"], "~10.1"], missing: [["version"], "fails"] },
  "release-repository": {
    happy: release,
    failing: [["repositoryOpts", "repo"], "https://evil.example"],
    missing: [["repositoryOpts"], "fails"],
  },
  "release-namespace": {
    happy: release,
    failing: [["namespace"], "default"],
    missing: [["namespace"], "fails"],
  },
  "release-timeout": { happy: release, failing: [["timeout"], 0], missing: [["timeout"], "fails"] },
  "release-await": { happy: release, failing: [["skipAwait"], true], missing: [["skipAwait"], "passes"] },
  "release-stated-values": {
    happy: release,
    failing: [["valueYamlFiles", 0], "values.yaml"],
    missing: [["values"], "passes"],
  },
  "release-secret-literals": {
    happy: release,
    failing: [["values", "adminPassword"], "hunter2"],
    missing: [["values"], "passes"],
  },
  "iam-no-wildcard-actions": {
    happy: policy,
    failing: [[...STATEMENT, "Action"], "s3:*"],
    missing: [["policy"], "fails"],
    type: "aws:iam/policy:Policy",
  },
  "iam-no-wildcard-resources": {
    happy: policy,
    failing: [[...STATEMENT, "Resource"], "*"],
    missing: [[...STATEMENT, "Resource"], "passes"],
    type: "aws:iam/policy:Policy",
  },
  "iam-no-broad-managed-policies": {
    happy: role,
    failing: [["managedPolicyArns", 0], "arn:aws:iam::aws:policy/AdministratorAccess"],
    missing: [["managedPolicyArns"], "passes"],
    type: "aws:iam/role:Role",
  },
  "iam-scoped-trust": {
    happy: role,
    failing: [[...TRUST, "Principal"], "*"],
    missing: [[...TRUST, "Condition"], "fails"],
    type: "aws:iam/role:Role",
  },
  "s3-no-public-access": {
    happy: { acl: "private" },
    failing: [["acl"], "public-read-write"],
    missing: [["acl"], "passes"],
    type: "aws:s3/bucket:Bucket",
  },
  "eks-endpoint": {
    happy: cluster,
    failing: [
      ["vpcConfig", "publicAccessCidrs"],
      ["203.0.113.0/24", "::/0"],
    ],
    missing: [["vpcConfig"], "fails"],
    type: "aws:eks/cluster:Cluster",
  },
  "eks-secrets-encrypted": {
    happy: cluster,
    failing: [["encryptionConfig", "resources"], []],
    missing: [["encryptionConfig"], "fails"],
    type: "aws:eks/cluster:Cluster",
  },
  "eks-logging": {
    happy: cluster,
    failing: [["enabledClusterLogTypes"], ["api"]],
    missing: [["enabledClusterLogTypes"], "fails"],
    type: "aws:eks/cluster:Cluster",
  },
  "gpu-nodes-scale-from-zero": {
    happy: nodeGroup,
    failing: [["scalingConfig", "minSize"], 1],
    missing: [["taints"], "fails"],
    type: "aws:eks/nodeGroup:NodeGroup",
  },
  "ec2-imdsv2": {
    happy: launchTemplate,
    failing: [["metadataOptions", "httpTokens"], "optional"],
    missing: [["metadataOptions"], "fails"],
    type: "aws:ec2/launchTemplate:LaunchTemplate",
  },
  "rds-encrypted": {
    happy: database,
    failing: [["storageEncrypted"], false],
    missing: [["storageEncrypted"], "fails"],
    type: "aws:rds/instance:Instance",
  },
  "rds-private": {
    happy: database,
    failing: [["publiclyAccessible"], true],
    missing: [["publiclyAccessible"], "fails"],
    type: "aws:rds/instance:Instance",
  },
  "ecr-immutable": {
    happy: repository,
    failing: [["imageTagMutability"], "MUTABLE"],
    missing: [["imageTagMutability"], "fails"],
    type: "aws:ecr/repository:Repository",
  },
  "ecr-scanned": {
    happy: repository,
    failing: [["imageScanningConfiguration", "scanOnPush"], false],
    missing: [["imageScanningConfiguration"], "fails"],
    type: "aws:ecr/repository:Repository",
  },
  "aws-required-tags": {
    happy: repository,
    failing: [["tags", "Owner"], ""],
    missing: [["tags"], "fails"],
    type: "aws:ecr/repository:Repository",
  },
};

/** Only reports what run time decides; the corpus holds its cases. */
const defersOnly = ["workflow-run-time"];

test("every rule has a case", () => {
  expect([...Object.keys(cases), ...defersOnly].toSorted()).toEqual(rules.map(({ name }) => name).toSorted());
});

describe.each(Object.entries(cases))("%s", (name, {
  happy,
  failing,
  missing,
  context = local,
  type = "",
}) => {
  const rule = rules.find((candidate) => candidate.name === name) as Rule;
  const found = (object: unknown): Finding[] => rule.check(object, context, type);

  test("passes", () => {
    expect(found(happy)).toEqual([]);
  });

  test("fails, says what is wrong, where, and how to mend it", () => {
    const findings = found(withValue(happy, ...failing));
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) {
      expect(finding).toMatchObject({ kind: "violation", rule: name, level: rule.level });
      expect(finding.path).toMatch(/^\$/);
      expect(finding.message).not.toBe("");
      expect(finding.fix).not.toBe("");
    }
  });

  test("judges a missing property", () => {
    const [path, verdict] = missing;
    const kinds = new Set(found(without(happy, path)).map(({ kind }) => kind));
    const expectedKinds = { passes: [], fails: ["violation"], defers: ["deferred"] }[verdict];
    expect([...kinds]).toEqual(expectedKinds);
  });
});

const mending = rules.filter(({ remediate }) => remediate !== undefined);

test.each(mending)("$name is satisfied by what it adds", (rule) => {
  const { happy, missing, context = local, type = "" } = cases[rule.name] as Case;
  const bare = without(happy, missing[0]);
  const known = { ...context, tags: { Project: "mlops", Stack: "aws", Owner: "ada", CostCenter: "42" } };
  const additions = rule.remediate?.(bare, known, type) ?? [];
  expect(additions.length).toBeGreaterThan(0);
  const mended = additions.reduce<unknown>((object, { path, value }) => withValue(object, path, value), bare);
  expect(rule.check(mended, known, type)).toEqual([]);
  expect(rule.remediate?.(mended, known, type)).toEqual([]);
});

function without(object: unknown, path: Path): unknown {
  const parent = valueAt(object, ...path.slice(0, -1)) as Record<string, unknown>;
  const { [String(path.at(-1))]: _removed, ...rest } = parent;
  return withValue(object, path.slice(0, -1), rest);
}
