import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { MinioHandover } from "../../../tools/embedded/services.ts";
import { servingUrls } from "../../../tools/serving/addresses.ts";
import { allowedCores } from "../../../tools/serving/cores.ts";
import {
  adaptersSpec,
  gatewaySpec,
  reconcilerSpec,
  tritonSpec,
  vllmAdminToken,
  vllmSpec,
} from "../../../tools/serving/specs.ts";

const minio: MinioHandover = {
  endpoint: "http://127.0.0.1:9000",
  consoleUrl: "http://127.0.0.1:9001",
  accessKey: "sentinel-access",
  secretKey: "sentinel-secret",
};
const installation = {
  server: "/t/tritonserver",
  backends: "/t/backends",
  pythonBin: "/v/bin",
  pythonLibrary: "/l",
};
const triton = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
const vllm = ["http://127.0.0.1:7", "http://127.0.0.1:8"];
const adapters = { dir: "/d/adapters", port: 9 };
const base = { name: "tiny", revision: "abc", folder: "/m/tiny" };
const specs = [
  tritonSpec("triton-0", installation, minio, { http: 1, grpc: 2, metrics: 3 }),
  gatewaySpec("gateway", minio, { triton, vllm, adapters }, { http: 4, admin: 5 }),
  reconcilerSpec("reconciler", minio, { triton, vllm, adapters, gatewayAdmin: ["http://127.0.0.1:5"] }, 6),
  adaptersSpec("adapters", minio, { vllm, adapters }),
];
const engine = vllmSpec("vllm-0", "/v/python", base, minio, { port: 7, core: 1, guardDir: "/g" });

describe("what serves models beside the cluster", () => {
  it("keeps keys out of arguments, which every user of the machine can read", () => {
    for (const { args, env } of specs) {
      expect(args.join(" ")).not.toContain("sentinel");
      expect(env.AWS_SECRET_ACCESS_KEY).toBe("sentinel-secret");
    }
  });

  it("listens on the loopback interface only", () => {
    const [server, ...apps] = specs;
    for (const port of ["http", "grpc", "metrics"])
      expect(server?.args).toContain(`--${port}-address=127.0.0.1`);
    for (const { env } of apps) expect(env.MLOPS_LISTEN_HOST).toBe("127.0.0.1");
  });

  it("serves the base by name and revision, guarded, on one core and the loopback interface only", () => {
    const after = (flag: string): string | undefined => engine.args[engine.args.indexOf(flag) + 1];
    expect(after("--served-model-name")).toBe("tiny@abc");
    expect(after("--host")).toBe("127.0.0.1");
    expect(after("--middleware")).toBe("mlops_guard.Guard");
    expect(engine.env).toMatchObject({
      VLLM_CPU_OMP_THREADS_BIND: "1",
      HF_HUB_OFFLINE: "1",
      PYTHONPATH: "/g",
    });
  });

  it("tells the word that loads adapters to the vLLM servers and the reconciler only, and the key to neither", () => {
    const word = vllmAdminToken(minio);
    const knowing = [...specs, engine].filter(({ env }) => Object.values(env).includes(word));
    expect(knowing.map(({ name }) => name)).toEqual(["reconciler", "vllm-0"]);
    expect(engine.args.join(" ")).not.toContain(word);
    expect(JSON.stringify(engine)).not.toContain("sentinel");
    expect(vllmAdminToken({ ...minio, secretKey: "other" })).not.toBe(word);
  });

  it("loads no model at its start, and finds models in the object store", () => {
    expect(specs[0]?.args).toContain("--model-control-mode=explicit");
    expect(specs[0]?.args).toContain("--model-repository=s3://http://127.0.0.1:9000/model-registry/triton");
  });
});

describe("servingUrls", () => {
  const servers = { "triton-0": 1, "triton-1": 2, "vllm-0": 7, "vllm-1": 8 };
  const ports = { ...servers, gateway: 3, "gateway-admin": 4, reconciler: 5, minio: 6 };

  it("names each service, and the replicas of one server together", () => {
    expect(servingUrls(ports)).toEqual({
      triton: "http://127.0.0.1:1,http://127.0.0.1:2",
      vllm: "http://127.0.0.1:7,http://127.0.0.1:8",
      gateway: "http://127.0.0.1:3",
      "gateway-admin": "http://127.0.0.1:4",
      reconciler: "http://127.0.0.1:5",
    });
  });

  it("is empty for a cluster that was started before there were such ports", () => {
    expect(servingUrls({ minio: 6 })).toEqual({});
  });
});

describe("allowedCores", () => {
  it("reads the list that Linux gives", () => {
    expect(allowedCores("Name:\tnode\nCpus_allowed_list:\t0-2,5,8-9\n")).toEqual([0, 1, 2, 5, 8, 9]);
    expect(allowedCores("Cpus_allowed_list:\t3\n")).toEqual([3]);
  });
});

function requirementsOf(server: string): string[] {
  const file = new URL(`../../../tools/serving/${server}/requirements.txt`, import.meta.url);
  return readFileSync(file, "utf8")
    .split(/\n(?=[a-z])/)
    .filter((text) => text.trim() !== "");
}

describe.each(["triton", "vllm"])("requirements of %s", (server) => {
  const requirements = requirementsOf(server);

  it("are pinned exactly, each with hashes, and without an address", () => {
    expect(requirements.length).toBeGreaterThan(3);
    for (const requirement of requirements) {
      expect(requirement).toMatch(/^[a-z0-9._-]+==\S+ .*--hash=sha256:/s);
      expect(requirement).not.toMatch(/:\/\/|index-url/);
    }
  });
});

describe("requirements of triton alone", () => {
  it("have NumPy 1, which the backend is built against", () => {
    expect(requirementsOf("triton").some((requirement) => /^numpy==1\./.test(requirement))).toBe(true);
  });
});
