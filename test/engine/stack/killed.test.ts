/** What is killed, by the next command, is finished or cleared away. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { firstChange, helmReleases, killCluster } from "../../support/cluster.ts";
import type { RunningCommand } from "../../support/command.ts";
import { processesOf } from "../../support/processes.ts";
import { generatedSecrets } from "../../support/secrets.ts";
import { expectNoChanges, expectRefused, stateOf, succeed } from "../../support/stack.ts";
import { createWorkspace, type Workspace } from "../../support/workspace.ts";
import { checkSecrets } from "./secrets.suite.ts";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await createWorkspace("killed");
});

afterAll(() => workspace?.remove());

const patience = { timeout: 240_000, interval: 20 };

function startUp(): RunningCommand {
  return workspace.start("make up", { limitMs: 400_000 });
}

/** Awaits something that happens while an update runs. */
function during<T>(up: RunningCommand, event: Promise<T>): Promise<T> {
  const tooEarly = up.ended.then(({ output }): never => {
    throw new Error(`the update ended before that happened: ${output}`);
  });
  return Promise.race([event, tooEarly]);
}

/** Waits until Pulumi has begun: from then on everything that changes is this update's doing. */
function updating(up: RunningCommand): Promise<void> {
  return during(
    up,
    vi.waitFor(() => expect(up.output()).toContain("Updating (local)"), patience),
  );
}

/** Waits for the first change, by this update, of what kubectl's arguments select. */
async function changing(up: RunningCommand, ...selection: string[]): Promise<void> {
  await updating(up);
  await during(up, firstChange(workspace, ...selection));
}

/** Kills an update, all of its process group at once. */
async function kill(up: RunningCommand): Promise<void> {
  up.killGroup();
  const { output } = await up.ended;
  expect(output).not.toContain("The platform is up");
}

describe("make up is killed", () => {
  // Later releases than the first, which all others wait for: these are made at the same time.
  const later = "owner=helm,name!=prometheus-operator-crds";

  it("while the cluster starts", async () => {
    const up = startUp();
    const etcd = workspace.path(".mlops", "embedded", "run", "etcd.pid");
    await vi.waitFor(() => expect(existsSync(etcd)).toBe(true), patience);
    await kill(up);
    expect(stateOf(workspace).resources).toEqual([]);
  });

  it("while namespaces are made", async () => {
    const up = startUp();
    await changing(up, "namespaces");
    await kill(up);
    expect(stateOf(workspace).pendingOperations).not.toEqual([]);
  });

  it("while releases are being installed", async () => {
    const up = startUp();
    await changing(up, "secrets", "-A", "-l", `${later},status=pending-install`);
    await kill(up);
    const pending = stateOf(workspace).pendingOperations.map(({ resource }) => resource.type);
    expect(pending).toContain("kubernetes:helm.sh/v3:Release");
  });

  it("when a release has just been deployed, while others are under way", async () => {
    const up = startUp();
    await changing(up, "secrets", "-A", "-l", `${later},status=deployed`);
    expect(up.output()).toMatch(/ended \d+ plugin\(s\) that it left running/);
    await kill(up);
    const releases = await helmReleases(workspace);
    expect(releases.filter(({ status }) => status === "deployed").length).toBeGreaterThan(1);
  });

  it("and the next one finishes, while a second one at the same time is refused", async () => {
    const up = startUp();
    await updating(up);
    const second = await workspace.run("make up");
    expect(second.code).not.toBe(0);
    expect(second.output).toMatch(/the stack is in use by \S+ \(pid \d+\)/);

    const { code, output } = await up.ended;
    expect(code, output).toBe(0);
    expect(output).toContain("cancelled the lock of an update that was killed");
    expect(output).toMatch(/forgot \d+ operation\(s\) that were interrupted/);
  });

  it("and nothing tells that any was killed", async () => {
    await expectNoChanges(workspace);
    expect(stateOf(workspace).pendingOperations).toEqual([]);
    const releases = await helmReleases(workspace);
    expect(releases.map(({ status }) => status)).toEqual(releases.map(() => "deployed"));
    expect(new Set(releases.map(({ name }) => name)).size).toBe(releases.length);
    const commands = (await processesOf(workspace.root)).map(({ command }) => command);
    expect(commands.filter((command) => !command.includes("/embedded/"))).toEqual([]);
  });
});

describe("secrets of updates that were killed", () => {
  let secrets: ReadonlyMap<string, string>;
  beforeAll(async () => {
    secrets = await generatedSecrets(workspace);
  });
  checkSecrets(() => ({ workspace, secrets }));
});

describe("the cluster is killed under the stack", () => {
  beforeAll(async () => {
    expect(killCluster(workspace)).toBeGreaterThan(5);
    await vi.waitFor(async () => expect(await processesOf(workspace.root)).toEqual([]), patience);
  });

  it("and pulumi says so before anything else", async () => {
    const preview = workspace.inEnv("pulumi preview --stack local");
    const message = /the cluster's API server \S+ does not answer .*; nothing was changed/;
    await expectRefused(workspace, preview, message, "start the embedded cluster with `make cluster`");
  });

  it("and make up says who took the API server's port meanwhile", async () => {
    const ports = readFileSync(workspace.path(".mlops", "embedded", "ports.json"), "utf8");
    const port = (JSON.parse(ports) as Record<string, number>)["kube-apiserver"];
    const thief = createServer().listen({ host: "127.0.0.1", port });
    await new Promise((resolve) => thief.once("listening", resolve));
    try {
      const message = `port ${port} of this cluster's API server is taken by `;
      await expectRefused(workspace, workspace.run("make up"), message, "end that process and start again");
    } finally {
      await new Promise((resolve) => thief.close(resolve));
    }
  });

  it("and make down still leaves nothing", async () => {
    const { output } = await succeed(workspace.run("make down"));
    expect(output).toContain("the embedded cluster is dead: its stack's state is cleared");
    await vi.waitFor(async () => expect(await processesOf(workspace.root)).toEqual([]), patience);
    expect((await workspace.run("ls -d .mlops/embedded*")).stdout).toBe("");
    expect(existsSync(workspace.path(".mlops", "state", ".pulumi", "stacks", "mlops", "local.json"))).toBe(
      false,
    );
  });
});
