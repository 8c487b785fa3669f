/** Two real vLLM servers with adapters that prove themselves by what they say, and all that serves them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServedVersion } from "@mlops/registry";
import { exec } from "../../../tools/lib/exec.ts";
import { allowedCores } from "../../../tools/serving/cores.ts";
import { adaptersSpec, vllmSpec } from "../../../tools/serving/specs.ts";
import { placeGuard, vllmPython } from "../../../tools/serving/vllmEnvironment.ts";
import {
  addGatewayAndReconciler,
  commonPorts,
  type ProcessGroup,
  startGroup,
} from "../serving/processGroup.ts";
import { storeFiles } from "../serving/world.ts";

export const replicas = ["vllm-0", "vllm-1"] as const;
export const base = { model: "sentinel-base", revision: "0123456789abcdef" } as const;

/** How an adapter is made; by default a good one that says `v<number>`. */
export interface AdapterOptions {
  readonly rank?: number;
  /** Changes a file before it is stored. */
  readonly change?: (path: string, content: Buffer) => Buffer;
  /** Base model that its record names. */
  readonly base?: ServedVersion["base"];
}

export interface VllmWorld extends ProcessGroup {
  /** Makes and stores version `number` of `model`. */
  adapter(model: string, number: number, options?: AdapterOptions): Promise<ServedVersion>;
  /** Ends one replica's server at once, as when it runs out of memory. */
  kill(replica: string): void;
}

const script = fileURLToPath(new URL("sentinels.py", import.meta.url));
/** Three processes a server load PyTorch one after the other. */
const START_MS = 600_000;

/** Starts MinIO, two vLLM servers on a core each, `adapters`, one gateway and the reconciler. */
export async function startVllmWorld(): Promise<VllmWorld> {
  const python = await vllmPython();
  const group = await startGroup([...commonPorts, ...replicas, "adapters"]);
  const { minio, at, port } = group;
  const folder = join(group.dir, "base");
  const servers = {
    vllm: replicas.map(at),
    adapters: { dir: join(group.dir, "adapters"), port: port("adapters") },
  };
  const cores = allowedCores();
  const guardDir = placeGuard(group.dir);
  replicas.forEach((name, index) => {
    const own = { port: port(name), core: cores[index % cores.length] ?? 0, guardDir };
    group.add({
      spec: vllmSpec(name, python, { name: base.model, revision: base.revision, folder }, minio, own),
      ready: `${at(name)}/health`,
      limitMs: START_MS,
    });
  });
  group.add({ spec: adaptersSpec("adapters", minio, servers), ready: `${at("adapters")}/healthz` });
  addGatewayAndReconciler(group, servers);
  try {
    await exec(python, [script, "base", folder], { timeoutMs: 120_000 });
    for (const name of ["adapters", "gateway", "reconciler"]) await group.start(name);
    await Promise.all(replicas.map((name) => group.start(name)));
  } catch (error) {
    await group.destroy();
    throw error;
  }
  return {
    ...group,
    adapter: async (model, number, options = {}) => {
      const made = join(group.dir, "made", `${model}-${number}`);
      const rank = ["--rank", String(options.rank ?? 1)];
      await exec(python, [script, "adapter", made, String(number), ...rank], { timeoutMs: 120_000 });
      const files = readdirSync(made).map((path) => {
        const content = readFileSync(join(made, path));
        return { path, content: options.change?.(path, content) ?? content };
      });
      const stored = await storeFiles(group.store, model, number, files, "vllm");
      return { ...stored, base: options.base ?? base };
    },
    kill: (replica) => {
      const children = readFileSync(
        `/proc/${group.pid(replica)}/task/${group.pid(replica)}/children`,
        "utf8",
      );
      const server = Number(children.trim().split(" ")[0]);
      process.kill(server, "SIGKILL");
    },
  };
}
