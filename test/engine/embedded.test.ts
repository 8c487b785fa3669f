import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { stringify } from "yaml";
import { destroy, start, status, stop } from "../../tools/embedded/cluster.ts";
import { type Handover, readHandover } from "../../tools/embedded/handover.ts";
import { parseNodeDescription } from "../../tools/embedded/nodeDescription.ts";
import { objectStoreClient } from "../../tools/embedded/objectStore.ts";
import { clusterPorts } from "../../tools/embedded/ports.ts";
import { exec } from "../../tools/lib/exec.ts";
import { createLog } from "../../tools/lib/log.ts";
import { processIdentity } from "../../tools/lib/processIdentity.ts";

/** What the tests below have in common: one cluster, started once. */
let dir: string;
let handover: Handover;
let startSeconds: number;

const log = createLog({ write: () => {} });
const patience = { timeout: 30_000, interval: 100 };

async function kubectl(...args: string[]): Promise<string> {
  const result = await exec("kubectl", ["--kubeconfig", handover.kubeconfig, ...args], { timeoutMs: 60_000 });
  return result.stdout;
}

async function apply(...objects: object[]): Promise<void> {
  const input = objects.map((object) => stringify(object)).join("---\n");
  await exec("kubectl", ["--kubeconfig", handover.kubeconfig, "apply", "-f", "-"], {
    input,
    timeoutMs: 60_000,
  });
}

/** The namespace controller waits half the grace period of the pods that it finds. */
const quickEnd = { terminationGracePeriodSeconds: 1 };

/** Ids of the processes that `status` says are running. */
function processIds(): Record<string, number> {
  const running = status({ dir }).processes.flatMap(({ name, state }) =>
    state.kind === "running" ? [[name, state.pid] as const] : [],
  );
  return Object.fromEntries(running);
}

function pod(namespace: string, name: string, resources: object, more: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name },
    spec: { ...quickEnd, containers: [{ name: "main", image: "example", resources }], ...more },
  };
}

beforeAll(async () => {
  dir = join(await mkdtemp(join(tmpdir(), "mlops-embedded-")), "cluster");
  const began = performance.now();
  const cluster = await start({ dir, log });
  startSeconds = (performance.now() - began) / 1000;
  handover = cluster.handover;
  await cluster.waitServices();
});

afterAll(async () => {
  await destroy({ dir, log });
  rmSync(join(dir, ".."), { recursive: true, force: true });
});

describe("the started cluster", () => {
  it("was ready in under 20 seconds, with all nodes and a default StorageClass", async () => {
    expect(startSeconds).toBeLessThan(20);
    await kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=1s");
    const classes = JSON.parse(await kubectl("get", "storageclass", "-o", "json")) as {
      items: { metadata: { name: string; annotations: Record<string, string> } }[];
    };
    expect(classes.items.map(({ metadata }) => [metadata.name, Object.values(metadata.annotations)])).toEqual(
      [[handover.storageClass, ["true"]]],
    );
    expect(readHandover(dir)).toEqual(handover);
  });

  it("answers on loopback only", async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === "IPv4" && !address.internal)?.address;
    if (outside === undefined) return; // a machine with loopback alone cannot be reached from elsewhere
    for (const name of clusterPorts) {
      const port = handover.ports[name] ?? 0;
      expect(await accepts("127.0.0.1", port), name).toBe(true);
      expect(await accepts(outside, port), name).toBe(false);
    }
  });

  it("lets nobody in without credentials", async () => {
    const { etcd, minio } = handover.ports;
    expect(
      (
        await exec(
          "kubectl",
          [
            "--kubeconfig",
            "/dev/null",
            "--server",
            serverUrl(),
            "--insecure-skip-tls-verify",
            "--token=wrong",
            "get",
            "nodes",
          ],
          { allowFailure: true },
        )
      ).stderr,
    ).toMatch(/Unauthorized|logged in/);
    await expect(fetch(`http://127.0.0.1:${etcd}/v2/keys`)).rejects.toThrow();
    expect((await fetch(`http://127.0.0.1:${minio}/datasets/`)).status).toBe(403);
  });

  it("shows no secret to other users: not in arguments, not in readable files, not in logs", async () => {
    const secrets = JSON.parse(readFileSync(join(dir, "secrets", "credentials.json"), "utf8")) as object;
    const values = Object.values(secrets) as string[];
    expect(values.length).toBeGreaterThan(2);
    const shown = await shownProcesses();
    expect(shown.length).toBeGreaterThan(6);
    for (const value of values) expect(shown.filter((line) => line.includes(value))).toEqual([]);
    expect(statSync(dir).mode & 0o077).toBe(0);
    for (const file of filesUnder(dir)) {
      expect(statSync(file).mode & 0o077, file).toBe(0);
      if (!file.endsWith(".log")) continue;
      for (const value of values) expect(readFileSync(file, "utf8"), file).not.toContain(value);
    }
  });

  it("keeps Secrets sealed on disk", async () => {
    await kubectl("create", "secret", "generic", "sealed", "--from-literal=password=plain-text-to-be-found");
    await kubectl("create", "configmap", "open", "--from-literal=word=another-text-to-be-found");
    const files = filesUnder(join(dir, "etcd")).map((file) => readFileSync(file, "latin1"));
    expect(files.some((content) => content.includes("another-text-to-be-found"))).toBe(true);
    expect(files.some((content) => content.includes("plain-text-to-be-found"))).toBe(false);
    const secret = await kubectl("get", "secret", "sealed", "-o", "jsonpath={.data.password}");
    expect(Buffer.from(secret, "base64").toString()).toBe("plain-text-to-be-found");
  });
});

describe("workloads", () => {
  const namespace = "workloads";

  it("become ready: a Deployment with a volume, a LoadBalancer, an Ingress, a Job", async () => {
    await kubectl("create", "namespace", namespace);
    const metadata = { name: "web", namespace };
    const template = {
      metadata: { labels: { app: "web" } },
      spec: {
        ...quickEnd,
        containers: [{ name: "web", image: "example", ports: [{ containerPort: 80 }] }],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: "web" } }],
      },
    };
    await apply(
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata,
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata,
        spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ port: 80 }] },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "Ingress",
        metadata,
        spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
      },
      {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "hook", namespace },
        spec: {
          template: {
            spec: { ...quickEnd, restartPolicy: "Never", containers: [{ name: "a", image: "b" }] },
          },
        },
      },
    );
    const inNamespace = ["-n", namespace, "--timeout=30s"];
    await kubectl("rollout", "status", "deployment/web", ...inNamespace);
    await kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/web", ...inNamespace);
    for (const object of ["service/web", "ingress/web"]) {
      await kubectl("wait", "--for=jsonpath={.status.loadBalancer.ingress[0].ip}", object, ...inNamespace);
    }
    await kubectl("wait", "--for=condition=Complete", "job/hook", ...inNamespace);
    expect(await kubectl("logs", "deployment/web", "-n", namespace)).toContain("simulated");
  });

  it("that ask for GPUs land on nodes that have as many, or wait", async () => {
    const gpus = (count: number) => ({ limits: { "nvidia.com/gpu": count } });
    const onT4 = { nodeSelector: { "mlops.dev/accelerator": "t4" } };
    await apply(pod(namespace, "one-gpu", gpus(1), onT4), pod(namespace, "two-gpus", gpus(2)));
    await kubectl("wait", "--for=condition=Ready", "pod/one-gpu", "-n", namespace, "--timeout=30s");
    expect(await kubectl("get", "pod", "one-gpu", "-n", namespace, "-o", "jsonpath={.spec.nodeName}")).toBe(
      "mlops-agent-0",
    );
    const isUnschedulable =
      '--for=jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}=Unschedulable';
    await kubectl("wait", isUnschedulable, "pod/two-gpus", "-n", namespace, "--timeout=30s");
  });

  it("may register API groups and conversions that nobody serves, and the namespace can still go", async () => {
    const service = { name: "web", namespace };
    await apply(
      {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name: "v1beta1.metrics.k8s.io" },
        spec: {
          group: "metrics.k8s.io",
          version: "v1beta1",
          groupPriorityMinimum: 100,
          versionPriority: 100,
          insecureSkipTLSVerify: true,
          service,
        },
      },
      convertedDefinition(service),
    );
    await kubectl("wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=10s");
    await kubectl("wait", "--for=condition=Established", "crd/things.example.com", "--timeout=10s");
    await vi.waitFor(
      () => apply({ apiVersion: "example.com/v2", kind: "Thing", metadata: { name: "a", namespace } }),
      patience,
    );
    await kubectl("delete", "namespace", namespace, "--timeout=60s");
  });

  it("are still refused by Pod Security", async () => {
    await kubectl("create", "namespace", "restricted");
    await kubectl("label", "namespace", "restricted", "pod-security.kubernetes.io/enforce=restricted");
    await expect(apply(pod("restricted", "plain", {}))).rejects.toThrow(/violates PodSecurity/);
  });
});

describe("the services", () => {
  let store: S3Client;

  beforeAll(() => {
    if (handover.minio === undefined) throw new Error("the handover names no object store");
    store = objectStoreClient(handover.minio);
  });
  afterAll(() => store.destroy());

  const put = (key: string, body: string, condition: { IfMatch?: string; IfNoneMatch?: string } = {}) =>
    store.send(new PutObjectCommand({ Bucket: "datasets", Key: key, Body: body, ...condition }));

  it("store an object and give it back", async () => {
    await put("a/b.txt", "some data");
    const { Body } = await store.send(new GetObjectCommand({ Bucket: "datasets", Key: "a/b.txt" }));
    expect(await Body?.transformToString()).toBe("some data");
  });

  it("honour conditional writes", async () => {
    const { ETag } = await put("record", "1", { IfNoneMatch: "*" });
    if (ETag === undefined) throw new Error("no ETag");
    const refused = { name: "PreconditionFailed" };
    await expect(put("record", "2", { IfNoneMatch: "*" })).rejects.toMatchObject(refused);
    await put("record", "2", { IfMatch: ETag });
    await expect(put("record", "3", { IfMatch: ETag })).rejects.toMatchObject(refused);
  });

  it("log a run whose artifact lands in the object store", async () => {
    const run = (await mlflow("POST", "api/2.0/mlflow/runs/create", {
      experiment_id: "0",
      run_name: "test",
    })) as {
      run: { info: { run_id: string; artifact_uri: string } };
    };
    const { run_id, artifact_uri } = run.run.info;
    await mlflow("POST", "api/2.0/mlflow/runs/log-metric", {
      run_id,
      key: "accuracy",
      value: 0.5,
      timestamp: 1,
    });
    expect(artifact_uri).toMatch(/^mlflow-artifacts:\//);
    const path = artifact_uri.replace(/^mlflow-artifacts:\//, "");
    await mlflow("PUT", `api/2.0/mlflow-artifacts/artifacts/${path}/note.txt`, "an artifact");
    const { Contents } = await store.send(new ListObjectsV2Command({ Bucket: "mlflow-artifacts" }));
    expect(Contents?.map(({ Key }) => Key)).toEqual([`${path}/note.txt`]);
  });

  it("refuse requests made under a foreign name", async () => {
    const url = new URL(handover.mlflow?.url ?? "");
    const { request } = await import("node:http");
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const outgoing = request(
      {
        host: url.hostname,
        port: url.port,
        path: "/api/2.0/mlflow/experiments/get?experiment_id=0",
        headers: { host: "attacker.example" },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    outgoing.on("error", reject).end();
    expect(await promise).toBe(403);
  });
});

describe("a process that dies", () => {
  it("is named by status with its reason, and started again by the next start", async () => {
    const before = processIds();
    const killed = ["kube-scheduler", "etcd", "kwok"];
    for (const name of killed) process.kill(before[name] ?? 0, "SIGKILL");
    await vi.waitFor(() => {
      const states = status({ dir }).processes.filter(({ state }) => state.kind !== "running");
      expect(Object.fromEntries(states.map(({ name, state }) => [name, state]))).toEqual(
        Object.fromEntries(killed.map((name) => [name, { kind: "crashed", reason: "ended by SIGKILL" }])),
      );
    }, patience);
    expect(status({ dir }).healthy).toBe(false);
    const cluster = await start({ dir, log });
    await cluster.waitServices();
    expect(status({ dir }).healthy).toBe(true);
    expect(processIds()["kube-apiserver"]).toBe(before["kube-apiserver"]);
    await apply(pod("default", "after-crash", {}));
    await kubectl("wait", "--for=condition=Ready", "pod/after-crash", "--timeout=30s");
  });
});

describe("starting again", () => {
  it("while another start is under way waits for it, and finds everything running", async () => {
    const before = processIds();
    const clusters = await Promise.all([start({ dir, log }), start({ dir, log })]);
    await Promise.all(clusters.map((cluster) => cluster.waitServices()));
    expect(processIds()).toEqual(before);
  });

  it("takes a changed description of nodes and a start delay on a running cluster", async () => {
    const nodes = parseNodeDescription(
      [
        { name: "mlops-agent-0", labels: { "node-role": "training" }, cpu: 2 },
        { name: "extra", count: 2, gpus: 4, instanceType: "g6.12xlarge" },
      ],
      "test",
    );
    const cluster = await start({ dir, log, nodes, podStartDelay: 3 });
    await cluster.waitServices();
    const columns =
      "custom-columns=:metadata.name,:status.allocatable.cpu,:status.allocatable.nvidia\\.com/gpu,:metadata.labels.mlops\\.dev/accelerator";
    const shown = await kubectl("get", "nodes", "--no-headers", "-o", columns);
    expect(
      shown
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/)),
    ).toEqual([
      ["extra-0", "4", "4", "<none>"],
      ["extra-1", "4", "4", "<none>"],
      ["mlops-agent-0", "2", "<none>", "<none>"],
    ]);
    const began = performance.now();
    await apply(pod("default", "delayed", {}));
    await kubectl("wait", "--for=condition=Ready", "pod/delayed", "--timeout=30s");
    expect(performance.now() - began).toBeGreaterThan(2_900);
  });

  it("after a stop keeps address, data and settings, and stop leaves no process", async () => {
    const before = Object.values(processIds());
    await stop({ dir, log });
    expect(before.map(processIdentity)).toEqual(before.map(() => undefined));
    // A supervisor writes how its process ended, and then ends too.
    await vi.waitFor(async () => expect(await shownProcesses()).toEqual([]), patience);
    expect(status({ dir }).processes.map(({ state }) => state.kind)).not.toContain("running");
    const began = performance.now();
    const cluster = await start({ dir, log });
    // Well below the 40 s for which the leases of the KWOK before would still hold.
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(cluster.handover).toEqual({ ...handover, nodes: cluster.handover.nodes, podStartDelay: 3 });
    expect(cluster.handover.nodes).toHaveLength(3);
    expect(await kubectl("get", "configmap", "open", "-o", "jsonpath={.data.word}")).toBe(
      "another-text-to-be-found",
    );
    await cluster.waitServices();
    const found = (await mlflow("POST", "api/2.0/mlflow/runs/search", { experiment_ids: ["0"] })) as {
      runs: object[];
    };
    expect(found.runs).toHaveLength(1);
  });

  it("and destroying leaves neither folder nor lock", async () => {
    await destroy({ dir, log });
    expect(readdirSync(join(dir, ".."))).toEqual([]);
  });
});

/** Command lines that any user of the machine can see, of processes that work for this cluster. */
async function shownProcesses(): Promise<string[]> {
  const { stdout } = await exec("ps", ["-eww", "-o", "args"]);
  return stdout.split("\n").filter((line) => line.includes(dir));
}

function serverUrl(): string {
  return `https://127.0.0.1:${handover.ports["kube-apiserver"]}`;
}

async function mlflow(method: string, path: string, body: object | string): Promise<unknown> {
  const response = await fetch(`${handover.mlflow?.url}/${path}`, {
    method,
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: typeof body === "string" ? {} : { "content-type": "application/json" },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  const answer = await response.text();
  return answer === "" ? undefined : JSON.parse(answer);
}

async function accepts(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: 1_000 });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  socket.once("timeout", () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function convertedDefinition(service: object): object {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Thing", plural: "things" },
      conversion: {
        strategy: "Webhook",
        webhook: { conversionReviewVersions: ["v1"], clientConfig: { service } },
      },
      versions: [
        { name: "v1", served: true, storage: true, schema },
        { name: "v2", served: true, storage: false, schema },
      ],
    },
  };
}
