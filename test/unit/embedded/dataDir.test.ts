import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { destroy, kubeconfigPath, start, status, stop } from "../../../tools/embedded/cluster.ts";
import { openDataDir, readMarker, removeDataDir } from "../../../tools/embedded/dataDir.ts";
import { handoverFile, handoverSchema, readHandover } from "../../../tools/embedded/handover.ts";
import { layoutOf } from "../../../tools/embedded/layout.ts";
import { defaultNodes } from "../../../tools/embedded/nodeDescription.ts";
import { updateSettings } from "../../../tools/embedded/settings.ts";
import { newCluster, recordingLog, temporaryPath } from "./fixtures.ts";

describe("a data folder", () => {
  it("is private, and keeps its id", () => {
    const layout = layoutOf(temporaryPath());
    const marker = openDataDir(layout);
    expect(statSync(layout.dir).mode & 0o777).toBe(0o700);
    expect(openDataDir(layout)).toEqual(marker);
    expect(readMarker(layout)).toEqual(marker);
  });

  it("of somebody else is neither used nor removed", async () => {
    const dir = temporaryPath();
    mkdirSync(dir);
    writeFileSync(join(dir, "thesis.txt"), "");
    const options = { dir, log: recordingLog() };
    for (const action of [
      () => start({ ...options, services: false }),
      () => stop(options),
      () => destroy(options),
    ]) {
      await expect(action()).rejects.toThrow("not an embedded cluster's folder");
    }
    expect(readdirSync(dir)).toEqual(["thesis.txt"]);
  });

  it("with a damaged marker is refused", () => {
    const layout = newCluster();
    writeFileSync(layout.marker, "{}");
    expect(() => openDataDir(layout)).toThrow(layout.marker);
  });

  it("is removed whole", () => {
    const layout = newCluster();
    removeDataDir(layout);
    expect(() => statSync(layout.dir)).toThrow();
  });

  it("that does not exist holds no cluster; stopping and destroying it is no error", async () => {
    const options = { dir: temporaryPath(), log: recordingLog() };
    expect(status(options)).toMatchObject({ exists: false, healthy: false });
    expect(() => kubeconfigPath(options)).toThrow("there is no embedded cluster");
    await stop(options);
    await destroy(options);
  });
});

describe("settings", () => {
  it("are those of the last start unless changed", () => {
    const layout = newCluster();
    expect(updateSettings(layout, { services: true })).toEqual({
      nodes: defaultNodes,
      podStartDelay: 0,
      services: true,
    });
    updateSettings(layout, { services: true, podStartDelay: 15 });
    expect(updateSettings(layout, { services: false })).toMatchObject({ podStartDelay: 15, services: false });
  });

  it("that are damaged are named", () => {
    const layout = newCluster();
    writeFileSync(layout.settings, "{");
    expect(() => updateSettings(layout, { services: true })).toThrow(layout.settings);
  });
});

describe("the handover", () => {
  const handover = {
    version: 1,
    id: "one",
    kubernetesVersion: "v1.35.4",
    kubeconfig: "/data/kubeconfig",
    storageClass: "standard",
    podStartDelay: 0,
    nodes: [{ name: "a", kind: "simulated", labels: { a: "b" }, gpus: 1 }],
    ports: { etcd: 20_001 },
  };

  it("is read from its file, with or without services", () => {
    const layout = newCluster();
    writeFileSync(handoverFile(layout.dir), JSON.stringify(handover));
    expect(readHandover(layout.dir)).toEqual(handover);
    const url = "http://127.0.0.1:1";
    const minio = { endpoint: url, consoleUrl: url, accessKey: "a", secretKey: "b" };
    expect(handoverSchema.parse({ ...handover, minio, mlflow: { url } })).toMatchObject({ minio });
  });

  it("of another version, or none, is an error that names the file and the remedy", () => {
    const layout = newCluster();
    expect(() => readHandover(layout.dir)).toThrow(/handover\.json.*start the embedded cluster/s);
    writeFileSync(handoverFile(layout.dir), JSON.stringify({ ...handover, version: 2 }));
    expect(() => readHandover(layout.dir)).toThrow(/handover\.json.*start the cluster again.*version/s);
  });

  it("is described by a module that loads nothing but zod", () => {
    const source = readFileSync(new URL("../../../tools/embedded/handover.ts", import.meta.url), "utf8");
    const imported = [...source.matchAll(/from "([^"]+)"/g)].map((match) => match[1]);
    expect(imported.filter((name) => !name?.startsWith("node:"))).toEqual(["zod"]);
  });
});
