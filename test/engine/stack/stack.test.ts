/** One stack through its whole life; what only reads it shares it, because bringing it up takes longest. */
import { rmSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { charts } from "../../../charts.ts";
import { editChart, neverReadyChart, putChart } from "../../support/brokenChart.ts";
import { allObjects, helmReleases } from "../../support/cluster.ts";
import type { CommandResult } from "../../support/command.ts";
import { processesOf } from "../../support/processes.ts";
import { generatedSecrets } from "../../support/secrets.ts";
import {
  expectNoChanges,
  expectRefused,
  outputsOf,
  type PlainOutputs,
  type RevealedOutputs,
  revealedOutputsOf,
  stateOf,
  succeed,
} from "../../support/stack.ts";
import { createWorkspace, type Workspace } from "../../support/workspace.ts";
import { checkOutputs } from "./outputs.suite.ts";
import { checkSecrets } from "./secrets.suite.ts";
import { checkServices } from "./services.suite.ts";

let workspace: Workspace;
let firstUp: CommandResult;
/** Taken while the stack is up. */
let plain: PlainOutputs;
let revealed: RevealedOutputs;
let secrets: ReadonlyMap<string, string>;

beforeAll(async () => {
  workspace = await createWorkspace("stack");
  firstUp = await succeed(workspace.run("make up"));
  plain = await outputsOf(workspace);
  revealed = await revealedOutputsOf(workspace);
  secrets = await generatedSecrets(workspace);
});

afterAll(() => workspace?.remove());

describe("make up from nothing", () => {
  it("succeeds, and says where everything is and what is simulated", () => {
    const { urls = {}, simulated = [] } = plain;
    expect(Object.keys(urls).length).toBeGreaterThan(0);
    for (const { url = "" } of Object.values(urls)) expect(firstUp.output).toContain(url);
    for (const name of simulated) expect(firstUp.output).toContain(name);
    expect(firstUp.output).toContain("on cluster `embedded`");
    expect(firstUp.output).toContain("pulumi stack output credentials --show-secrets");
  });

  it("leaves Git's view of the checkout as it was", async () => {
    expect((await succeed(workspace.run("git status --porcelain"))).output).toBe("");
  });

  it("makes a passphrase that only its owner can read", () => {
    expect(statSync(workspace.path(".mlops", "passphrase")).mode & 0o777).toBe(0o600);
  });

  it("is all there is to do: a preview and three more runs change nothing", async () => {
    await expectNoChanges(workspace);
    for (let run = 0; run < 3; run++) {
      const again = await succeed(workspace.run("make up"));
      expect(again.output).toMatch(/Resources:\s+\d+ unchanged\s+Duration/);
    }
  });

  it("installs every release once, and all of them are deployed", async () => {
    const releases = await helmReleases(workspace);
    expect(releases.map(({ status }) => status)).toEqual(releases.map(() => "deployed"));
    expect(releases.length).toBeGreaterThan(5);
  });
});

describe("the outputs", () => checkOutputs(() => ({ workspace, plain, revealed })));
describe("the services", () => checkServices(() => revealed));

describe("a stack that is up refuses, and stays as it is,", () => {
  const { chart, version } = charts.minio;
  const archive = `${chart}-${version}.tgz`;

  it("a chart archive that is damaged", async () => {
    putChart(workspace, archive, Buffer.from("no archive at all"));
    editChart(workspace, "minio", "digest", '"unverified"');
    await expectRefused(workspace, workspace.run("make up"), "minio: ", archive, "the archive is damaged");
  });

  it("a chart archive whose checksum is not the pinned one", async () => {
    putChart(workspace, archive, neverReadyChart(chart, version));
    const pinned = `sha256:${"0".repeat(64)}`;
    editChart(workspace, "minio", "digest", `"${pinned}"`);
    const message = new RegExp(`minio: .*its digest is sha256:[0-9a-f]{64}, charts.ts pins ${pinned}`);
    await expectRefused(workspace, workspace.run("make up"), message);
    rmSync(workspace.path(".mlops", "charts", archive));
    await succeed(workspace.run("git checkout -q charts.ts"));
  });

  it("to go on without the passphrase that its secrets are encrypted with", async () => {
    await succeed(workspace.run("mv .mlops/passphrase passphrase.kept"));
    try {
      const message = /passphrase is missing, but the state of local.* is encrypted with it/;
      await expectRefused(workspace, workspace.run("make up"), message, "make down FORCE=1");
    } finally {
      await succeed(workspace.run("mv passphrase.kept .mlops/passphrase"));
    }
  });

  it("another kind of cluster", async () => {
    const up = workspace.run("make up", { env: { CLUSTER: "existing" } });
    await expectRefused(workspace, up, "the stack already lives on cluster `embedded`", "make down");
  });

  it("and none of that has left a trace", () => expectNoChanges(workspace));
});

describe("a release that never gets ready", () => {
  const { chart, version } = charts.mlflow;
  const archive = `${chart}-${version}.tgz`;

  it("fails the update, which says which chart and why", async () => {
    putChart(workspace, archive, neverReadyChart(chart, version));
    // Long enough for the warning, which comes when trouble has lasted for 20 s.
    editChart(workspace, "mlflow", "timeout", "40");
    const { code, output } = await workspace.run("make up");
    expect(code, output).not.toBe(0);
    expect(output).toMatch(/error: .*release mlflow failed.*deadline exceeded/);
    expect(output).toMatch(
      /still waiting, mlflow: pod\/broken-\S+: FailedScheduling: .*didn't match Pod's node/,
    );
    expect(output).toContain("`make up` goes on from what is there");
    const releases = await helmReleases(workspace);
    expect(releases.filter(({ name, status }) => name === "mlflow" || status !== "deployed")).toEqual([]);
  });

  it("is installed by the next update, once its chart is mended", async () => {
    rmSync(workspace.path(".mlops", "charts", archive));
    await succeed(workspace.run("git checkout -q charts.ts"));
    await succeed(workspace.run("make up"));
    expect(await helmReleases(workspace)).toContainEqual({
      name: "mlflow",
      namespace: "mlflow",
      status: "deployed",
    });
    await expectNoChanges(workspace);
  });
});

describe("pulumi destroy", () => {
  let left: string[];

  it("removes every resource and every release", async () => {
    await succeed(workspace.inEnv("pulumi destroy --yes --skip-preview --stack local"));
    expect(stateOf(workspace).resources).toEqual([]);
    expect(await helmReleases(workspace)).toEqual([]);
    left = await allObjects(workspace);
  });

  describe("and all runs before: secrets", () => checkSecrets(() => ({ workspace, secrets })));

  it("leaves a cluster with no more objects than a new one has", async () => {
    await succeed(workspace.inEnv("node tools/embedded/cli.ts destroy"));
    await succeed(workspace.inEnv("node tools/embedded/cli.ts start --without-services"));
    const fresh = await allObjects(workspace);
    expect(fresh.length).toBeGreaterThan(50);
    expect(left.filter((object) => !fresh.includes(object))).toEqual([]);
  });
});

describe("make down", () => {
  it("leaves no process and no cluster, and can be repeated", async () => {
    await succeed(workspace.run("make down"));
    await vi.waitFor(async () => expect(await processesOf(workspace.root)).toEqual([]), 10_000);
    expect((await workspace.run("ls -d .mlops/embedded*")).stdout).toBe("");
    await succeed(workspace.run("make down"));
    expect((await succeed(workspace.run("git status --porcelain"))).output).toBe("");
  });
});
