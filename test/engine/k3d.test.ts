/** k3d's own parser judges the configuration that the program gives it; no Docker engine is needed for that. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { k3dConfig } from "../../components/local/k3d.ts";
import type { LocalConfig } from "../../config/schema.ts";
import { parseConfig } from "../../config.ts";
import { type ExecResult, exec } from "../../tools/lib/exec.ts";
import { readStackFile } from "../../tools/stack/configCopy.ts";
import { trackedConfig } from "../../tools/stack/paths.ts";
import { rawConfig } from "../../tools/stack/rawConfig.ts";

const dir = mkdtempSync(join(tmpdir(), "mlops-k3d-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const raw = rawConfig(readStackFile(trackedConfig("local")).config ?? {});
const { nodes } = parseConfig({ ...raw, "mlops:cluster": "k3d" }, new Set()) as LocalConfig;
const config = k3dConfig({
  clusterName: "mlops-ab12",
  nodes,
  ingressPort: 8080,
  registryPort: 5555,
  dataDir: "/data",
});

/** Reads a configuration as `k3d cluster create` does, and prints it as k3d understood it. */
function readByK3d(text: string): Promise<ExecResult> {
  const file = join(dir, "k3d.yaml");
  writeFileSync(file, text);
  return exec("k3d", ["config", "migrate", file, "-"], { allowFailure: true, timeoutMs: 30_000 });
}

it("is understood by k3d as it is meant", async () => {
  const { code, stdout, stderr } = await readByK3d(config);
  expect(code, stderr).toBe(0);
  const understood = parse(stdout.slice(stdout.indexOf("agents:")));
  const { servers, agents, ports, registries, volumes } = parse(config);
  expect(understood).toMatchObject({
    servers,
    agents,
    ports,
    registries,
    volumes,
    image: parse(config).image,
  });
  expect(understood.options.k3s.nodeLabels).toEqual(parse(config).options.k3s.nodeLabels);
});

it("would be refused with a key that k3d does not know", async () => {
  const { code, stderr } = await readByK3d(stringify({ ...parse(config), serverz: 1 }));
  expect(code).not.toBe(0);
  expect(stderr).toContain("serverz");
});
