import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { z } from "zod";
import { readIfExists, writePrivateJson } from "./files.ts";
import type { Layout } from "./layout.ts";

/** Ports of what always runs. */
export const clusterPorts = [
  "etcd",
  "etcd-peer",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kwok",
  "minio",
  "minio-console",
  "mlflow",
] as const;

/** Ports that a cluster's processes listen on, all on 127.0.0.1. */
export const portNames = [
  ...clusterPorts,
  "triton-0",
  "triton-0-grpc",
  "triton-0-metrics",
  "triton-1",
  "triton-1-grpc",
  "triton-1-metrics",
  "vllm-0",
  "vllm-1",
  "adapters",
  "gateway",
  "gateway-admin",
  "reconciler",
] as const;

export type PortName = (typeof portNames)[number];
export type Ports = Readonly<Record<PortName, number>>;

const portSchema = z.int().min(1).max(65535);
const portsSchema = z.record(z.enum(portNames), portSchema);
/** What an older version stored lacks the ports of what serves models. */
const storedSchema = z
  .partialRecord(z.enum(portNames), portSchema)
  .refine((ports) => clusterPorts.every((name) => ports[name] !== undefined));

/** Below every system's range of ephemeral ports, so that no outgoing connection takes one meanwhile. */
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;

/** Whether somebody listens on a loopback port. */
export type PortProbe = (port: number) => Promise<boolean>;

export interface PortOptions {
  /** Names whose own process runs and so holds its port rightly. */
  readonly running: ReadonlySet<string>;
  /** The API server's address is remembered by kubeconfigs and Pulumi's state: it must not change. */
  readonly keepApiServer: boolean;
  readonly isTaken?: PortProbe;
}

/**
 * The cluster's ports: the ones of last time, new ones where another process has taken a port meanwhile.
 *
 * @throws Error naming port and holder if that port is the API server's and must stay.
 */
export async function ensurePorts(layout: Layout, options: PortOptions): Promise<Ports> {
  const isTaken = options.isTaken ?? isPortTaken;
  const known = readPorts(layout);
  const chosen = new Set<number>(Object.values(known));
  const ports: Partial<Record<PortName, number>> = {};
  for (const name of portNames) {
    const before = known[name];
    if (before !== undefined && (options.running.has(ownerOf(name)) || !(await isTaken(before)))) {
      ports[name] = before;
      continue;
    }
    if (before !== undefined && name === "kube-apiserver" && options.keepApiServer) {
      throw new Error(
        `port ${before} of this cluster's API server is taken by ${portHolder(before)}. Kubeconfigs and ` +
          "stacks remember the port, so it is not changed: end that process and start again, or remove the " +
          "cluster with `node tools/embedded/cli.ts destroy`.",
      );
    }
    ports[name] = await choosePort(chosen, isTaken);
  }
  const complete: Ports = portsSchema.parse(ports);
  writePrivateJson(layout.ports, complete);
  return complete;
}

/** The ports of last time; empty for a new cluster. */
export function readPorts(layout: Layout): Partial<Ports> {
  const text = readIfExists(layout.ports);
  if (text === undefined) return {};
  try {
    return storedSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${layout.ports} is damaged; restore it, or destroy the cluster and start a new one`);
  }
}

/** The process that listens on a port. */
function ownerOf(name: PortName): string {
  return name.replace(/-(peer|console|grpc|metrics|admin)$/, "");
}

async function choosePort(chosen: Set<number>, isTaken: PortProbe): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (chosen.has(port) || (await isTaken(port))) continue;
    chosen.add(port);
    return port;
  }
  throw new Error(`no free TCP port found on 127.0.0.1 between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** Whether 127.0.0.1:port cannot be listened on. */
export async function isPortTaken(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(true));
  server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(false)));
  return promise;
}

/** `process 4711 (name)` where /proc tells who listens on the port, else `another process`. */
export function portHolder(port: number): string {
  try {
    const inode = listeningInode(port);
    const pid = inode === undefined ? undefined : holderOf(`socket:[${inode}]`);
    if (pid === undefined) return "another process";
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "";
    return `process ${pid} (${command})`;
  } catch {
    return "another process";
  }
}

function listeningInode(port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      // 0A is LISTEN; field 9 is the socket's inode.
      if (fields[1]?.endsWith(suffix) && fields[3] === "0A") return fields[9];
    }
  }
  return undefined;
}

function holderOf(socket: string): string | undefined {
  return readdirSync("/proc").find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === socket);
    } catch {
      return false;
    }
  });
}
