/** Input that cannot work is refused before anything is made. No test here needs a cluster. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { charts } from "../../../charts.ts";
import { expectRefused, succeed } from "../../support/stack.ts";
import { createWorkspace, type Workspace } from "../../support/workspace.ts";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await createWorkspace("input");
  await succeed(workspace.run("make setup"));
  await succeed(workspace.inEnv("true"));
  copyFileSync(working(), kept());
});

afterAll(() => workspace?.remove());

afterEach(() => {
  copyFileSync(kept(), working());
  expect(existsSync(workspace.path(".mlops", "embedded", "handover.json"))).toBe(false);
});

const working = (): string => workspace.path(".mlops", "config", "Pulumi.local.yaml");
const kept = (): string => workspace.path(".mlops", "kept.yaml");

/** Sets keys of the local stack's configuration as a user does. */
async function configure(...commands: string[]): Promise<void> {
  await succeed(workspace.inEnv(commands.map((args) => `pulumi config --stack local ${args}`).join(" && ")));
}

describe("configuration", () => {
  it("is refused with all that is wrong at once, by make and by pulumi", async () => {
    await configure(
      "set mlops:sizes production",
      "set mlops:teams 7",
      "set mlops:ingressPort 80",
      "set mlops:context mine",
      "rm --path 'mlops:nodes[1].accelerator'",
    );
    const messages = [
      "the configuration has 5 problem(s); nothing was changed.",
      "mlops:sizes = production: unknown key; did you mean mlops:size?",
      "mlops:teams = 7: must be a list",
      "mlops:ingressPort = 80: must be at least 1024",
      "mlops:context = mine: only for cluster `existing`",
      "mlops:nodes.1.gpus = 1: node mlops-agent-0 has GPUs but no accelerator; set accelerator to l4 or t4",
    ];
    await expectRefused(workspace, workspace.run("make up"), ...messages);
    await expectRefused(workspace, workspace.inEnv("pulumi up --yes --stack local"), ...messages);
  });

  it("of a cluster that already exists needs the context to use", async () => {
    const up = workspace.run("make up", { env: { CLUSTER: "existing" } });
    await expectRefused(
      workspace,
      up,
      "mlops:context: missing; cluster `existing` needs the kubeconfig context",
    );
  });

  it("cannot name a kind of cluster that there is not", async () => {
    const up = workspace.run("make up", { env: { CLUSTER: "kind" } });
    await expectRefused(
      workspace,
      up,
      "CLUSTER=kind: unknown kind of cluster; allowed: embedded, k3d, existing",
    );
  });
});

describe("an existing cluster", () => {
  const existing = { env: { CLUSTER: "existing" } };

  function writeKubeconfig(server: string): void {
    const kubeconfig = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "home", cluster: { server } }],
      users: [{ name: "me", user: { token: "none" } }],
      contexts: [{ name: "home", context: { cluster: "home", user: "me" } }],
    };
    writeFileSync(workspace.path(".mlops", "home.yaml"), stringify(kubeconfig));
  }

  const use = (context: string): Promise<void> =>
    configure(
      "set mlops:cluster existing",
      "set mlops:kubeconfig .mlops/home.yaml",
      `set mlops:context ${context}`,
    );

  it("that does not answer is named with its address", async () => {
    const { server, port } = await listen();
    await close(server);
    writeKubeconfig(`https://127.0.0.1:${port}`);
    await use("home");
    const message = `the cluster's API server https://127.0.0.1:${port} does not answer`;
    await expectRefused(
      workspace,
      workspace.run("make up", existing),
      message,
      "nothing was changed",
      "mlops:context",
    );
  });

  it("must be in the kubeconfig, and the kubeconfig must be there", async () => {
    writeKubeconfig("https://127.0.0.1:1");
    await use("work");
    const message = "mlops:context: the kubeconfig has no context work; it has: home";
    await expectRefused(workspace, workspace.run("make up", existing), message);
    await configure("set mlops:kubeconfig .mlops/nowhere.yaml");
    const missing = "mlops:kubeconfig: .mlops/nowhere.yaml does not exist";
    await expectRefused(workspace, workspace.run("make up", existing), missing);
  });

  it("gets no placeholder of a chart that cannot be had", async () => {
    const { server, port } = await listen();
    try {
      writeKubeconfig(`https://127.0.0.1:${port}`);
      await use("home");
      const proxy = "http://127.0.0.1:1";
      const offline = { HTTPS_PROXY: proxy, https_proxy: proxy, NO_PROXY: undefined, no_proxy: "127.0.0.1" };
      const up = workspace.run("make up", { env: { ...existing.env, ...offline } });
      const { chart, version, repository } = charts.mlflow;
      await expectRefused(
        workspace,
        up,
        "nothing was changed",
        `mlflow: ${chart} ${version} could not be fetched from ${repository} (no answer from `,
        `run \`make charts\` on a connected machine, or put ${chart}-${version}.tgz into the folder`,
      );
    } finally {
      await close(server);
    }
  });
});

describe("a Docker engine that is dead", () => {
  it("is noticed before k3d is asked for a cluster", async () => {
    const env = { CLUSTER: "k3d", DOCKER_HOST: `unix://${workspace.path("nowhere.sock")}` };
    const up = workspace.inEnv("pulumi up --yes --skip-preview --stack local", { env });
    await expectRefused(workspace, up, "no Docker engine answers; nothing was changed. Start Docker");
  });
});

describe("a disk that is full", () => {
  it("is noticed before the cluster is made", async (context) => {
    const isolated = "unshare --user --map-root-user --mount";
    const possible = await workspace.run(`${isolated} true`);
    context.skip(possible.code !== 0, "this machine does not let its users mount");
    mkdirSync(workspace.path(".mlops", "embedded"), { recursive: true });
    const mount = "mount -t tmpfs -o size=64m full .mlops/embedded";
    const up = workspace.run(`${isolated} sh -c '${mount} && exec make up'`);
    await expectRefused(workspace, up, /only \d+ MiB are free on the disk of \S+; free at least 1 GiB/);
  });
});

/** Somebody who listens on a free loopback port, and hangs up on everyone. */
async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy()).listen({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
