/** The commands that ask an account, with AWS's own command line, against an AWS in memory. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Ask, AwsError, askAws, cliVersion } from "../../../tools/aws/ask.ts";
import { backendOf, createBackend } from "../../../tools/aws/backend.ts";
import { cliFinding, credentialsFinding, zonesFinding } from "../../../tools/aws/doctor.ts";
import { account, settingsOf } from "../../unit/aws/configurations.ts";
import { pythonWithMoto } from "./moto/environment.ts";

const settings = settingsOf("default");
let server: ChildProcess;
let folder: string;
let endpoint: string;
let ask: Ask;

async function freePort(): Promise<number> {
  const probe = createServer().listen({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

beforeAll(async () => {
  const python = await pythonWithMoto();
  const port = await freePort();
  endpoint = `http://127.0.0.1:${port}`;
  folder = mkdtempSync(join(tmpdir(), "aws-account-"));
  writeFileSync(
    join(folder, "credentials"),
    "[default]\naws_access_key_id = testing\naws_secret_access_key = testing\n",
  );
  server = spawn(python, ["-m", "moto.server", "--host", "127.0.0.1", "--port", String(port)], {
    stdio: "ignore",
  });
  vi.stubEnv("PATH", `${dirname(python)}:${process.env.PATH}`);
  vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  ask = askAws(settings.region);
  await vi.waitFor(() => fetch(endpoint), 60_000);
});

afterAll(() => {
  vi.unstubAllEnvs();
  server?.kill();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

describe("the doctor", () => {
  it("asks with the command line that is there", async () => {
    expect(cliFinding(await cliVersion())).toMatchObject({ state: "ok" });
    expect(await credentialsFinding(ask, account)).toMatchObject({ state: "ok" });
    expect(await credentialsFinding(ask, "999999999999")).toMatchObject({ state: "missing" });
    expect(await zonesFinding(ask, settings)).toMatchObject({ state: "ok" });
  });
});

describe("the backend of a team", () => {
  const { bucket } = backendOf(settings);

  it("is made once, and put right the second time", async () => {
    const first: string[] = [];
    await createBackend(ask, settings, (step) => first.push(step));
    expect(first).toEqual(expect.arrayContaining(["key alias/mlops-state", `bucket ${bucket}`]));
    const second: string[] = [];
    await createBackend(ask, settings, (step) => second.push(step));
    expect(second).toEqual(first.filter((step) => !/^(key|bucket) /.test(step)));
  });

  it("keeps versions, encrypts with its key, and is nobody else's business", async () => {
    const read = (operation: string) => ask("s3api", operation, "--bucket", bucket);
    expect(await read("get-bucket-versioning")).toMatchObject({ Status: "Enabled" });
    expect(await read("get-public-access-block")).toMatchObject({
      PublicAccessBlockConfiguration: { BlockPublicPolicy: true, RestrictPublicBuckets: true },
    });
    expect(JSON.stringify(await read("get-bucket-encryption"))).toContain('"aws:kms"');
    expect(String(((await read("get-bucket-policy")) as { Policy: string }).Policy)).toContain(
      "aws:SecureTransport",
    );
    const keys = JSON.stringify(await ask("kms", "list-aliases"));
    expect(keys).toContain('"alias/mlops-state"');
  });

  it("is refused where AWS refuses, with AWS's words", async () => {
    await expect(ask("s3api", "get-bucket-policy", "--bucket", "nobody-has-this")).rejects.toThrow(AwsError);
  });
});
