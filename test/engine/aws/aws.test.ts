/**
 * The aws stack under the real engine, policy pack on: the real program and releases, an AWS that only answers,
 * and a cluster whose nodes have the capacity, the pod limit and the add-ons of the node groups.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { estimateCost } from "../../../components/aws/cost.ts";
import { commonTags } from "../../../components/aws/tags.ts";
import type { AwsConfig } from "../../../config/schema.ts";
import { parseConfig } from "../../../config.ts";
import { taggedTypes } from "../../../policy/rules/aws/tags.ts";
import { destroy } from "../../../tools/embedded/cluster.ts";
import { readJournal } from "../../../tools/plugins/aws/journal.ts";
import { assumed } from "../../../tools/rehearse/config.ts";
import { addressOf, type Pod, unschedulable } from "../../../tools/rehearse/objects.ts";
import { waiting } from "../../../tools/rehearse/report.ts";
import { createRoom, type Room } from "../../../tools/rehearse/room.ts";
import { listNodes, listPods, type Stagehand, startStagehand } from "../../../tools/rehearse/stagehand.ts";
import { readStackFile } from "../../../tools/stack/configCopy.ts";
import { trackedConfig } from "../../../tools/stack/paths.ts";
import { rawConfig } from "../../../tools/stack/rawConfig.ts";
import { before, nameOf, type Recorded, under } from "./graph.ts";

const tracked = readStackFile(trackedConfig("aws")).config ?? {};
const raw = { ...tracked, ...assumed(tracked) };
const config = parseConfig(rawConfig(raw), new Set()) as AwsConfig;

let room: Room;
let stage: Stagehand;
let state: readonly Recorded[];

beforeAll(async () => {
  room = await createRoom(config, { config: raw });
});

afterAll(async () => {
  await stage?.stop();
  if (room === undefined) return;
  await destroy({ dir: room.clusterDir });
  room.remove();
});

async function exported(): Promise<readonly Recorded[]> {
  const { stdout } = await room.pulumi(["stack", "export"]);
  return (JSON.parse(stdout) as { deployment: { resources?: Recorded[] } }).deployment.resources ?? [];
}

const nodeOf = (pods: readonly Pod[], name: string): string[] =>
  pods.filter((pod) => addressOf(pod).startsWith(name)).map(({ spec }) => spec.nodeName ?? "none");

/** The pack has looked at everything, refused nothing and mended nothing. */
function expectPolicies(stdout: string): void {
  expect(stdout).toMatch(/Policies:\n\s+\S+ mlops@/);
  expect(stdout).not.toMatch(/❌|\[mandatory\]|\[remediate\]/);
}

describe("preview before there is anything", () => {
  it("passes every policy, and asks AWS and Kubernetes nothing", async () => {
    const { stdout } = await room.pulumi(["preview"]);
    expectPolicies(stdout);
    expect(Number(/\+ (\d+) to create/.exec(stdout)?.[1])).toBeGreaterThan(250);
  });
});

describe("up", () => {
  it("makes everything, with every pod on the smallest number of system nodes and none on a GPU", async () => {
    stage = await startStagehand({ settings: config, dir: room.clusterDir });
    const { stdout } = await Promise.race([room.pulumi(["up", "--yes", "--skip-preview"]), stage.failed]);
    state = await exported();
    expectPolicies(stdout);
    // With every id known, no document of AWS is left to be judged later.
    expect(stdout).not.toMatch(/deferred-to-admission\s+\(aws:/);
    const pods = await listPods(stage.api);
    expect(waiting(pods).map(addressOf)).toEqual([]);
    expect(pods.length).toBeGreaterThan(25);
    // What the cost output assumes.
    expect(stage.counts).toEqual({ "system-a": 1, "system-b": 1, "gpu-l4": 0, "gpu-t4": 0 });
  });

  it("leaves room on every node for what its daemons ask", async () => {
    const pods = await listPods(stage.api);
    for (const { metadata, status } of await listNodes(stage.api)) {
      const here = pods.filter(({ spec }) => spec.nodeName === metadata.name);
      expect(here.map(addressOf).filter((name) => name.startsWith("kube-system/aws-node"))).toHaveLength(1);
      expect(here.length).toBeLessThanOrEqual(Number(status.allocatable.pods));
      // t3a.large: three interfaces of twelve addresses.
      expect(status.allocatable).toMatchObject({ cpu: "1930m", pods: "35" });
    }
  });

  it("gives the outputs of a local stack, and those of AWS", async () => {
    const { stdout } = await room.pulumi(["stack", "output", "--json"]);
    const outputs = JSON.parse(stdout) as Record<string, unknown>;
    const local = ["cluster", "credentials", "endpoints", "kubeconfig", "nextSteps", "requested", "urls"];
    const aws = [
      "buckets",
      "ecrRepositories",
      "estimatedHourlyCost",
      "retained",
      "roles",
      "updateKubeconfig",
    ];
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining([...local, ...aws]));
    expect(outputs).toMatchObject({
      cluster: "eks",
      credentials: "[secret]",
      kubeconfig: "[secret]",
      estimatedHourlyCost: JSON.parse(JSON.stringify(estimateCost(config, config.size))),
      urls: { mlflow: { portForward: "kubectl -n mlflow port-forward service/mlflow 5000" } },
    });
    expect(outputs.updateKubeconfig).toMatch(
      /^aws eks update-kubeconfig --region us-east-1 --name mlops-aws-/,
    );
    expect((outputs.estimatedHourlyCost as { idle: number }).idle).toBeLessThanOrEqual(0.4);
  });

  it("keeps no password of the database where it could be read", async () => {
    const { stdout } = await room.pulumi(["stack", "export", "--show-secrets"]);
    const plain = (JSON.parse(stdout) as { deployment: { resources: Recorded[] } }).deployment.resources;
    const made = plain.find((resource) => nameOf(resource) === "mlflow-database-user-password");
    const revealed = (made?.outputs?.result as { plaintext?: string } | undefined)?.plaintext;
    const password = String(JSON.parse(revealed ?? '""'));
    expect(password).toHaveLength(40);
    expect(JSON.stringify(state)).not.toContain(password);
    expect((await room.pulumi(["stack", "output", "--json", "--show-secrets"])).stdout).not.toContain(
      password,
    );
    expect(readFileSync(room.journal, "utf8")).not.toContain(password);
  });

  it("tags all that the bill can be grouped by", () => {
    const tags = commonTags("aws", config);
    const tagged = state.filter(({ type }) => taggedTypes.includes(type));
    expect(tagged.length).toBeGreaterThan(40);
    for (const { urn, inputs } of tagged) expect([urn, inputs?.tags]).toMatchObject([urn, tags]);
    const provider = state.find(({ type }) => type === "pulumi:providers:aws");
    // The stand-in is told the tags apart; this is what the real provider would be.
    expect(JSON.parse(String(provider?.inputs?.defaultTags))).toEqual({ tags });
  });

  it("changes nothing the second time", async () => {
    const { stdout } = await room.pulumi(["preview", "--expect-no-changes"]);
    expect(stdout).toMatch(/Resources:\s+\d+ unchanged\s/);
  });
});

describe("GPU pods", () => {
  const scale = async (deployment: string, replicas: number): Promise<void> => {
    const path = `/apis/apps/v1/namespaces/serving/deployments/${deployment}/scale`;
    const answer = await stage.api.send(
      "PATCH",
      path,
      { spec: { replicas } },
      "application/merge-patch+json",
    );
    expect(answer.status, answer.body).toBe(200);
  };
  const vllm = "vllm-stack-llm-deployment-vllm";

  it("wait where there is no GPU node, and nothing else does", async () => {
    await scale("triton", 1);
    await scale(vllm, 1);
    await vi.waitFor(async () => {
      const names = waiting(await listPods(stage.api)).map(addressOf);
      expect(names).toHaveLength(2);
      expect(names).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^serving\/triton-/),
          expect.stringMatching(/^serving\/vllm-stack-llm-/),
        ]),
      );
    }, 60_000);
    // No system node comes for them: none could run them.
    expect(stage.counts).toMatchObject({ "system-a": 1, "system-b": 1 });
  });

  it("land on the group that is theirs: T4 for Triton, L4 for vLLM", async () => {
    // Each group's node first for the other's pod, so that landing is no luck.
    await stage.setNodes("gpu-t4", 1);
    await vi.waitFor(async () => {
      expect(nodeOf(await listPods(stage.api), "serving/triton-")).toEqual(["gpu-t4-0"]);
    }, 60_000);
    expect(waiting(await listPods(stage.api)).map(addressOf)).toEqual([
      expect.stringMatching(/^serving\/vllm-stack-llm-/),
    ]);
    await stage.setNodes("gpu-l4", 1);
    await vi.waitFor(async () => {
      const pods = await listPods(stage.api);
      expect(nodeOf(pods, "serving/triton-")).toEqual(["gpu-t4-0"]);
      expect(nodeOf(pods, "serving/vllm-stack-llm-")).toEqual(["gpu-l4-0"]);
    }, 60_000);
  });

  it("have GPU nodes to themselves, but for daemons", async () => {
    await vi.waitFor(async () => {
      const pods = await listPods(stage.api);
      const onGpus = pods.filter(({ spec }) => spec.nodeName?.startsWith("gpu-"));
      const others = onGpus.filter(
        ({ metadata }) => !metadata.ownerReferences?.some(({ kind }) => kind === "DaemonSet"),
      );
      expect(
        others.map(addressOf).filter((name) => !/^serving\/(triton|vllm-stack-llm)-/.test(name)),
      ).toEqual([]);
      for (const daemon of ["gpu-operator/nvidia-device-plugin-", "gpu-operator/dcgm-exporter-"]) {
        expect(
          nodeOf(pods, daemon)
            .filter((node) => node !== "none")
            .sort(),
        ).toEqual(["gpu-l4-0", "gpu-t4-0"]);
      }
      expect(waiting(pods).map((pod) => [addressOf(pod), unschedulable(pod)])).toEqual([]);
    }, 60_000);
    await scale("triton", 0);
    await scale(vllm, 0);
  });
});

describe("the recorded dependencies", () => {
  const releases = (): Recorded[] => state.filter(({ type }) => type === "kubernetes:helm.sh/v3:Release");
  const custom = ({ type }: Recorded): boolean => !type.startsWith("mlops:") && !type.startsWith("pulumi:");
  const missing = (from: Recorded, needed: readonly Recorded[]): string[] => {
    const found = before(state, from);
    return needed.filter(({ urn }) => !found.has(urn)).map(nameOf);
  };
  const all = (type: string): Recorded[] => state.filter((resource) => resource.type === type);
  const one = (name: string): Recorded => {
    const found = state.filter((resource) => nameOf(resource) === name && custom(resource));
    if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} resources ${name}`);
    return found[0];
  };

  it("delete nothing that a node needs before the last release is gone", () => {
    const needed = state.filter(
      (resource) =>
        custom(resource) &&
        !resource.type.startsWith("aws:iam/") &&
        under(state, resource, ["mlops:aws:Network", "mlops:aws:Cluster"]),
    );
    expect(needed.length).toBeGreaterThan(40);
    expect(releases().length).toBeGreaterThan(12);
    for (const release of releases())
      expect([nameOf(release), missing(release, needed)]).toEqual([nameOf(release), []]);
  });

  it("delete every object of the cluster before its nodes, pod network and volumes' driver", () => {
    const needed = [...all("aws:eks/nodeGroup:NodeGroup"), one("vpc-cni"), one("aws-ebs-csi-driver")];
    const objects = state.filter(
      ({ type }) => type.startsWith("kubernetes:") && type !== "kubernetes:storage.k8s.io/v1:StorageClass",
    );
    expect(objects.length).toBeGreaterThan(100);
    for (const object of objects) expect([object.urn, missing(object, needed)]).toEqual([object.urn, []]);
  });

  it("take load balancers and volumes away while those that delete them still run", () => {
    const controller = one("aws-load-balancer-controller-release");
    for (const name of ["mlflow", "argo-cd", "argo-workflows", "kube-prometheus-stack", "ray-cluster"]) {
      const drains = [one("drain-load-balancers"), one("drain-volumes")];
      expect([name, missing(one(`${name}-release`), drains)]).toEqual([name, []]);
    }
    expect(missing(one("drain-load-balancers"), [controller])).toEqual([]);
    expect(before(state, controller).has(one("drain-load-balancers").urn)).toBe(false);
    expect(missing(one("drain-volumes"), [one("aws-ebs-csi-driver"), one("gp3")])).toEqual([]);
  });

  it("give MLflow its database's user, its bucket and its namespace first", () => {
    const needed = ["mlflow-database-instance", "mlflow-database-user-job", "mlflow-artifacts", "mlflow"];
    const names = missing(
      one("mlflow-release"),
      state.filter((resource) => needed.includes(nameOf(resource))),
    );
    expect(names).toEqual([]);
    const namespace = all("kubernetes:core/v1:Namespace").filter((resource) => nameOf(resource) === "mlflow");
    expect(missing(one("mlflow-database-user-credentials"), namespace)).toEqual([]);
  });

  it("retain what holds data, and nothing that costs by the hour", () => {
    const retained = state.filter(({ retainOnDelete }) => retainOnDelete).map(({ type }) => type);
    expect(retained).toEqual(expect.arrayContaining(["aws:s3/bucket:Bucket", "aws:kms/key:Key"]));
    const hourly = ["aws:eks/cluster:Cluster", "aws:ec2/natGateway:NatGateway", "aws:rds/instance:Instance"];
    expect(retained.filter((type) => hourly.includes(type))).toEqual([]);
  });
});

describe("destroy", () => {
  it("deletes releases before nodes, nodes before their network, and leaves nothing in the cluster", async () => {
    const events = join(room.root, ".mlops", "destroy.jsonl");
    const destroyed = room.pulumi(["destroy", "--yes", "--skip-preview", "--event-log", events], {
      env: { PULUMI_DEBUG_COMMANDS: "true" },
    });
    await Promise.race([destroyed, stage.failed]);
    expect((await exported()).filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);

    const deleted = readFileSync(events, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .flatMap((line) => {
        const { resOutputsEvent } = JSON.parse(line) as { resOutputsEvent?: { metadata: { urn: string } } };
        return resOutputsEvent === undefined ? [] : [resOutputsEvent.metadata.urn];
      });
    const at = (match: RegExp): number[] => deleted.flatMap((urn, index) => (match.test(urn) ? [index] : []));
    const last = (match: RegExp): number => Math.max(...at(match));
    const first = (match: RegExp): number => Math.min(...at(match));
    const release = /helm\.sh\/v3:Release::/;
    const nodeGroup = /eks\/nodeGroup:NodeGroup::/;
    expect(at(release).length).toBeGreaterThan(12);
    expect(last(release)).toBeLessThan(first(nodeGroup));
    expect(last(/drain-load-balancers$/)).toBeLessThan(first(/aws-load-balancer-controller-release$/));
    expect(last(/drain-volumes$/)).toBeLessThan(first(/eks\/addon:Addon::aws-ebs-csi-driver$/));
    expect(last(nodeGroup)).toBeLessThan(first(/eks\/addon:Addon::vpc-cni$/));
    expect(last(nodeGroup)).toBeLessThan(first(/ec2\/(route|natGateway|subnet|vpc):/));
    expect(last(nodeGroup)).toBeLessThan(first(/eks\/cluster:Cluster::/));

    const left = (await listPods(stage.api)).filter(({ metadata }) => metadata.namespace !== "kube-system");
    expect(left.map(addressOf)).toEqual([]);
  });

  it("asked AWS to delete all but what is retained", () => {
    const journal = readJournal(room.journal);
    const count = (operation: string, type: string): number =>
      journal.filter((entry) => entry.operation === operation && entry.type === type).length;
    expect(count("delete", "aws:eks/nodeGroup:NodeGroup")).toBe(
      count("create", "aws:eks/nodeGroup:NodeGroup"),
    );
    expect(count("delete", "aws:ec2/subnet:Subnet")).toBe(count("create", "aws:ec2/subnet:Subnet"));
    expect(count("create", "aws:s3/bucket:Bucket")).toBe(3);
    expect(count("delete", "aws:s3/bucket:Bucket")).toBe(0);
  });
});
