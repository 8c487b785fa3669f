import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { MinioHandover } from "../../../tools/embedded/services.ts";
import { servingUrls } from "../../../tools/serving/addresses.ts";
import { gatewaySpec, reconcilerSpec, tritonSpec } from "../../../tools/serving/specs.ts";

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
const specs = [
  tritonSpec("triton-0", installation, minio, { http: 1, grpc: 2, metrics: 3 }),
  gatewaySpec("gateway", minio, { triton }, { http: 4, admin: 5 }),
  reconcilerSpec("reconciler", minio, { triton, gatewayAdmin: ["http://127.0.0.1:5"] }, 6),
];

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

  it("loads no model at its start, and finds models in the object store", () => {
    expect(specs[0]?.args).toContain("--model-control-mode=explicit");
    expect(specs[0]?.args).toContain("--model-repository=s3://http://127.0.0.1:9000/model-registry/triton");
  });
});

describe("servingUrls", () => {
  const ports = { "triton-0": 1, "triton-1": 2, gateway: 3, "gateway-admin": 4, reconciler: 5, minio: 6 };

  it("names each service, and the replicas of Triton together", () => {
    expect(servingUrls(ports)).toEqual({
      triton: "http://127.0.0.1:1,http://127.0.0.1:2",
      gateway: "http://127.0.0.1:3",
      "gateway-admin": "http://127.0.0.1:4",
      reconciler: "http://127.0.0.1:5",
    });
  });

  it("is empty for a cluster that was started before there were such ports", () => {
    expect(servingUrls({ minio: 6 })).toEqual({});
  });
});

describe("Triton's requirements", () => {
  const read = (file: string): string =>
    readFileSync(new URL(`../../../tools/serving/triton/${file}`, import.meta.url), "utf8");
  const requirements = read("requirements.txt")
    .split(/\n(?=[a-z])/)
    .filter((text) => text.trim() !== "");

  it("are pinned exactly, each with hashes, and without an address", () => {
    expect(requirements.length).toBeGreaterThan(3);
    for (const requirement of requirements) {
      expect(requirement).toMatch(/^[a-z0-9._-]+==\S+ .*--hash=sha256:/s);
      expect(requirement).not.toMatch(/:\/\/|index-url/);
    }
  });

  it("have NumPy 1, which the backend is built against", () => {
    expect(requirements.some((requirement) => /^numpy==1\./.test(requirement))).toBe(true);
  });
});
