import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parse, stringify } from "yaml";
import type { LocalConfig } from "../../../config/schema.ts";
import { assertPortsFree, findCluster } from "../../../tools/stack/findCluster.ts";

let folder: string;
let server: Server;

/** Port of somebody who listens. */
const port = (): number => (server.address() as AddressInfo).port;

beforeEach(async () => {
  folder = join(mkdtempSync(join(tmpdir(), "mlops-find-")), "a b ü");
  mkdirSync(folder);
  server = createServer((socket) => socket.destroy()).listen({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(join(folder, ".."), { recursive: true, force: true });
  await new Promise((resolve) => server.close(resolve));
});

function write(name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : stringify(content));
  return file;
}

const kubeconfig = (context: string, user: object = { token: "none" }): object => ({
  clusters: [{ name: "c", cluster: { server: `https://127.0.0.1:${port()}` } }],
  users: [{ name: "u", user }],
  contexts: [{ name: context, context: { cluster: "c", user: "u" } }],
});

const find = (file: string | undefined): ReturnType<typeof findCluster> =>
  findCluster({ cluster: "existing", context: "home", kubeconfig: file } as LocalConfig);

describe("an existing cluster", () => {
  it("is found in the list of KUBECONFIG, in the file that describes its context", async () => {
    const files = [
      join(folder, "nowhere"),
      write("work", kubeconfig("work")),
      write("home", kubeconfig("home")),
    ];
    vi.stubEnv("KUBECONFIG", ["", ...files].join(delimiter));
    expect(await find(undefined)).toMatchObject({ kubeconfig: expect.stringContaining("name: home") });
  });

  it("takes an empty KUBECONFIG for none, as kubectl does", async () => {
    mkdirSync(join(folder, ".kube"));
    write(join(".kube", "config"), kubeconfig("home"));
    vi.stubEnv("HOME", folder);
    vi.stubEnv("KUBECONFIG", "");
    expect(await find(undefined)).toMatchObject({ kind: "existing" });
  });

  it("keeps its certificates when only the kubeconfig's text is handed on", async () => {
    const user = {
      "client-certificate": "pki/me.crt",
      "client-key": "/abs/me.key",
      exec: { command: "aws" },
    };
    const found = await find(write("home", kubeconfig("home", user)));
    const { users } = parse((found as { kubeconfig: string }).kubeconfig);
    expect(users[0].user).toEqual({ ...user, "client-certificate": join(folder, "pki", "me.crt") });
  });

  it.each([
    ["a folder", ".", /cannot be read as a kubeconfig \(EISDIR/],
    ["damaged YAML", "a: [1\nb: {", /cannot be read as a kubeconfig/],
    ["some text", "hello", /cannot be read as a kubeconfig/],
    ["lists that are none", { contexts: 7 }, /cannot be read as a kubeconfig/],
    ["a context of nothing", { contexts: [{ name: "home" }] }, /names a cluster that it does not describe/],
    [
      "a cluster without a server",
      { contexts: [{ name: "home", context: { cluster: "c" } }], clusters: [{ name: "c", cluster: {} }] },
      /cluster c has no server/,
    ],
  ])("whose kubeconfig is %s is refused without a stack trace", async (_, content, message) => {
    const refused = find(content === "." ? folder : write("bad", content));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toSatisfy((error) => pulumi.RunError.isInstance(error));
  });
});

describe("assertPortsFree", () => {
  it("names the key of a port that is taken, before k3d is asked for a cluster", async () => {
    const ports = { ingressPort: port(), registryPort: port() };
    const refused = assertPortsFree(ports, { resources: [] });
    await expect(refused).rejects.toThrow(`mlops:ingressPort = ${port()}: the port is taken by`);
    await expect(refused).rejects.toThrow(`mlops:registryPort = ${port()}`);
  });

  it("does not ask once a cluster was begun, which may hold them itself", async () => {
    const suffix = { urn: "urn:pulumi:local::mlops::random:index/randomId:RandomId::k3d-suffix", type: "" };
    await assertPortsFree({ ingressPort: port(), registryPort: port() }, { resources: [suffix] });
  });
});
