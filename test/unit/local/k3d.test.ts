import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { k3dConfig } from "../../../components/local/k3d.ts";
import type { LocalConfig } from "../../../config/schema.ts";
import { parseConfig } from "../../../config.ts";
import { readStackFile } from "../../../tools/stack/configCopy.ts";
import { trackedConfig } from "../../../tools/stack/paths.ts";
import { rawConfig } from "../../../tools/stack/rawConfig.ts";

const raw = rawConfig(readStackFile(trackedConfig("local")).config ?? {});
const { nodes } = parseConfig({ ...raw, "mlops:cluster": "k3d" }, new Set()) as LocalConfig;
const config = parse(
  k3dConfig({ clusterName: "mlops-ab12", nodes, ingressPort: 8080, registryPort: 5555, dataDir: "/data" }),
);

describe("k3dConfig", () => {
  it("has one server, three agents and the labels of the nodes", () => {
    expect(config).toMatchObject({ servers: 1, agents: 3 });
    expect(config.options.k3s.nodeLabels).toEqual([
      { label: "node-role=training", nodeFilters: ["agent:0"] },
      { label: "mlops.dev/accelerator=t4", nodeFilters: ["agent:0"] },
      { label: "run.ai/simulated-gpu-node-pool=t4", nodeFilters: ["agent:0"] },
      { label: "node-role=training", nodeFilters: ["agent:1"] },
      { label: "mlops.dev/accelerator=l4", nodeFilters: ["agent:1"] },
      { label: "run.ai/simulated-gpu-node-pool=l4", nodeFilters: ["agent:1"] },
      { label: "node-role=inference", nodeFilters: ["agent:2"] },
    ]);
  });

  it("opens ports on loopback only", () => {
    expect(config.ports).toEqual([{ port: "127.0.0.1:8080:80", nodeFilters: ["loadbalancer"] }]);
    expect(config.kubeAPI.hostIP).toBe("127.0.0.1");
    expect(config.registries.create.host).toBe("127.0.0.1");
  });

  it("mounts the three shared folders into every node", () => {
    expect(config.volumes.map((v: { volume: string }) => v.volume)).toEqual([
      "/data/data:/data",
      "/data/models:/models",
      "/data/experiments:/experiments",
    ]);
  });

  it("leaves the user's kubeconfig alone", () => {
    expect(config.options.kubeconfig).toEqual({
      updateDefaultKubeconfig: false,
      switchCurrentContext: false,
    });
  });
});
