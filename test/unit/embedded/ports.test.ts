import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { ensurePorts, isPortTaken, portNames } from "../../../tools/embedded/ports.ts";
import { newCluster } from "./fixtures.ts";

const none: ReadonlySet<string> = new Set();

/** Takes the ports in `taken` for taken, without asking the machine. */
const probe = (taken: readonly number[]) => (port: number) => Promise.resolve(taken.includes(port));

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return server;
}

describe("ensurePorts", () => {
  it("chooses different ports outside the ephemeral range and keeps them", async () => {
    const layout = newCluster();
    const ports = await ensurePorts(layout, { running: none, keepApiServer: false });
    expect(Object.keys(ports)).toEqual([...portNames]);
    expect(new Set(Object.values(ports)).size).toBe(portNames.length);
    for (const port of Object.values(ports)) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(30_000);
    }
    expect(await ensurePorts(layout, { running: none, keepApiServer: true })).toEqual(ports);
  });

  it("replaces a port that another process has taken, but not its own running process's", async () => {
    const layout = newCluster();
    const ports = await ensurePorts(layout, { running: none, keepApiServer: false });
    const isTaken = probe([ports.etcd, ports["etcd-peer"], ports.minio, ports["kube-apiserver"]]);
    const running = new Set(["etcd", "kube-apiserver"]);
    const next = await ensurePorts(layout, { running, keepApiServer: true, isTaken });
    expect({ ...next, minio: ports.minio }).toEqual(ports);
    expect(next.minio).not.toBe(ports.minio);
  });

  it("never moves an API server that others know, and names who holds its port", async () => {
    const layout = newCluster();
    const ports = await ensurePorts(layout, { running: none, keepApiServer: false });
    const port = ports["kube-apiserver"];
    await listen(port);
    expect(await isPortTaken(port)).toBe(true);
    const holder = process.platform === "linux" ? `process ${process.pid}` : "another process";
    await expect(ensurePorts(layout, { running: none, keepApiServer: true })).rejects.toThrow(
      new RegExp(`port ${port} .*${holder}`),
    );
    const moved = await ensurePorts(layout, { running: none, keepApiServer: false });
    expect(moved["kube-apiserver"]).not.toBe(port);
  });

  it("adds the ports that an older version did not know, and keeps the others", async () => {
    const layout = newCluster();
    const ports = await ensurePorts(layout, { running: none, keepApiServer: false });
    const { gateway: _one, "triton-0": _other, ...older } = ports;
    writeFileSync(layout.ports, JSON.stringify(older));
    const now = await ensurePorts(layout, { running: none, keepApiServer: true });
    expect(now).toEqual({ ...older, gateway: now.gateway, "triton-0": now["triton-0"] });
    expect(now.gateway).toBeGreaterThanOrEqual(20_000);
  });

  it("names a damaged file", async () => {
    const layout = newCluster();
    writeFileSync(layout.ports, "{}");
    await expect(ensurePorts(layout, { running: none, keepApiServer: false })).rejects.toThrow(layout.ports);
  });
});
