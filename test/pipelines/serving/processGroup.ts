/** Real MinIO and what a test starts beside it, in a folder of their own. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, s3Bucket, withRetries } from "@mlops/registry";
import { findBinaries } from "../../../tools/embedded/binaries.ts";
import { makePrivateDir } from "../../../tools/embedded/files.ts";
import { layoutOf } from "../../../tools/embedded/layout.ts";
import { ensureBuckets } from "../../../tools/embedded/objectStore.ts";
import type { Ports } from "../../../tools/embedded/ports.ts";
import {
  logTail,
  type ProcessSpec,
  processState,
  startProcess,
  stopProcess,
} from "../../../tools/embedded/process.ts";
import { urlAnswersOk } from "../../../tools/embedded/readiness.ts";
import { type MinioHandover, minioSpec } from "../../../tools/embedded/services.ts";
import { waitReady } from "../../../tools/embedded/wait.ts";
import { gatewaySpec, type ModelServers, reconcilerSpec } from "../../../tools/serving/specs.ts";

/** One process, and how it is known to be up. */
export interface Member {
  readonly spec: ProcessSpec;
  /** URL that answers 200 once it is ready. */
  readonly ready: string;
  /** Milliseconds that it may take until then. @default 60000 */
  readonly limitMs?: number;
}

export interface ProcessGroup {
  readonly store: ObjectStore;
  readonly minio: MinioHandover;
  /** Absolute path of the group's own folder. */
  readonly dir: string;
  /** URLs by the names of ports. */
  readonly urls: Readonly<Record<string, string>>;
  at(port: string): string;
  port(name: string): number;
  /** Makes a process known under its spec's name. */
  add(member: Member): void;
  /** Starts one of the processes, or starts it again, and waits until it answers. */
  start(name: string): Promise<void>;
  /** Ends one of the processes: SIGTERM, or SIGKILL at once. */
  end(name: string, signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Process id of one that runs. */
  pid(name: string): number;
  /** The end of a process's log. */
  log(name: string): string;
  /** Ends everything and removes the folder. */
  destroy(): Promise<void>;
}

/** Ports of MinIO, the gateway and the reconciler. */
export const commonPorts = ["minio", "minio-console", "gateway", "gateway-admin", "reconciler"];

/** Starts MinIO with its buckets; `names` are the ports that the group's processes will listen on. */
export async function startGroup(names: readonly string[]): Promise<ProcessGroup> {
  const { minio: binary } = findBinaries(["minio"]);
  const layout = layoutOf(mkdtempSync(join(tmpdir(), "mlops-serving-")));
  for (const dir of [layout.run, layout.logs, layout.minioData]) makePrivateDir(dir);
  const ports = await freePorts(names);
  const at = (name: string): string => `http://127.0.0.1:${ports[name]}`;
  const minio: MinioHandover = {
    endpoint: at("minio"),
    consoleUrl: at("minio-console"),
    accessKey: "test",
    secretKey: randomUUID(),
  };
  const credentials = { minioAccessKey: minio.accessKey, minioSecretKey: minio.secretKey };
  const members = new Map<string, Member>();
  process.env.AWS_ACCESS_KEY_ID = minio.accessKey;
  process.env.AWS_SECRET_ACCESS_KEY = minio.secretKey;
  const bucket = { bucket: "model-registry", region: "us-east-1", endpoint: minio.endpoint };
  const group: ProcessGroup = {
    store: withRetries(s3Bucket(bucket)),
    minio,
    dir: layout.dir,
    urls: Object.fromEntries(Object.keys(ports).map((name) => [name, at(name)])),
    at,
    port: (name) => ports[name] ?? 0,
    add: (member) => {
      members.set(member.spec.name, member);
    },
    start: async (name) => {
      const member = members.get(name);
      if (member === undefined) throw new Error(`no process ${name}`);
      await stopProcess(layout, name);
      await startProcess(layout, member.spec);
      await waitReady(layout, name, urlAnswersOk(member.ready), member.limitMs);
    },
    end: async (name, signal) => {
      const state = processState(layout, name);
      if (signal === "SIGKILL" && state.kind === "running") process.kill(state.pid, "SIGKILL");
      else await stopProcess(layout, name);
    },
    pid: (name) => {
      const state = processState(layout, name);
      if (state.kind !== "running") throw new Error(`${name} does not run`);
      return state.pid;
    },
    log: (name) => logTail(layout, name),
    destroy: async () => {
      await Promise.all([...members.keys()].reverse().map((name) => stopProcess(layout, name)));
      rmSync(layout.dir, { recursive: true, force: true });
    },
  };
  group.add({
    spec: minioSpec(binary, layout, ports as Ports, credentials),
    ready: `${minio.endpoint}/minio/health/ready`,
  });
  try {
    await group.start("minio");
    await ensureBuckets(minio);
  } catch (error) {
    await group.destroy();
    throw error;
  }
  return group;
}

/** Makes a gateway and a reconciler of these servers known. */
export function addGatewayAndReconciler(group: ProcessGroup, servers: ModelServers): void {
  const { minio, at, port } = group;
  const ports = { http: port("gateway"), admin: port("gateway-admin") };
  group.add({
    spec: gatewaySpec("gateway", minio, servers, ports),
    ready: `${at("gateway")}/v2/health/ready`,
  });
  const gatewayAdmin = [at("gateway-admin")];
  group.add({
    spec: reconcilerSpec("reconciler", minio, { ...servers, gatewayAdmin }, port("reconciler")),
    ready: `${at("reconciler")}/healthz`,
  });
}

async function freePorts(names: readonly string[]): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const name of names) {
    let port = await freePort();
    while (Object.values(ports).includes(port)) port = await freePort();
    ports[name] = port;
  }
  return ports;
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
