import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compare } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { standInNotice, standIns } from "../../tools/plugins/standIns.ts";

const folder = mkdtempSync(join(tmpdir(), "plugins-"));
const at = (...path: string[]) => join(folder, ...path);
/** What the commands below wrote, in order. */
const journal = () => readFileSync(at("journal"), "utf8").trim().split("\n");

const program = `
import { local } from "@pulumi/command";
import { Config } from "@pulumi/pulumi";
import { RandomBytes, RandomId, RandomInteger, RandomPassword, RandomShuffle, RandomString, RandomUuid } from "@pulumi/random";

const config = new Config();
const round = config.require("round");
const journal = (text: string) => \`echo "\${text}" >> ${at("journal")}\`;

const generated = new RandomPassword("password", { length: 24, minSpecial: 2, overrideSpecial: "_-", keepers: { round } });
new RandomString("string", { length: 6, special: false });
new RandomId("id", { byteLength: 4, prefix: "p-" });
new RandomUuid("uuid");
new RandomInteger("integer", { min: 1, max: 9 });
new RandomBytes("bytes", { length: 16 });
new RandomShuffle("shuffle", { inputs: ["a", "b", "c"] });

const updated = new local.Command("updated", {
  create: "echo created",
  update: 'echo "updated after $PULUMI_COMMAND_STDOUT"',
  delete: journal("deleted after $PULUMI_COMMAND_STDOUT"),
  environment: { ROUND: round },
});
new local.Command("replaced", {
  create: journal("create $ROUND"),
  delete: journal("delete $ROUND"),
  environment: { ROUND: round },
  triggers: [round],
});
const echo = new local.Command("echo", { create: "echo it is $PW", environment: { PW: generated.result } });

const stage = config.get("stage");
if (stage === "fail") {
  new local.Command("failing", { create: "echo it was $PW >&2; exit 3", environment: { PW: generated.result } });
}
if (stage === "wait") new local.Command("waiting", { create: "echo $$ > ${at("waiting")}; exec sleep 600" });

export const password = generated.result;
export const bcryptHash = generated.bcryptHash;
export const stdout = updated.stdout;
export const echoed = echo.stdout;
`;

const environment = {
  ...process.env,
  PATH: `${at("bin")}:${process.env.PATH}`,
  PULUMI_BACKEND_URL: `file://${at("state")}`,
  PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString("base64"),
  PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  PULUMI_HOME: at("home"),
  PULUMI_SKIP_UPDATE_CHECK: "true",
};

/** All that the CLI said in this run, but for what it was asked to reveal. */
const said: string[] = [];

interface Result {
  readonly code: number | null;
  readonly output: string;
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Result> } {
  const child = spawn("pulumi", [...args, "--non-interactive"], { cwd: at("program"), env: environment });
  const chunks: string[] = [];
  child.stdout.on("data", (data) => chunks.push(String(data)));
  child.stderr.on("data", (data) => chunks.push(String(data)));
  const ended = new Promise<Result>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: chunks.join("") }));
  });
  return { child, ended };
}

async function pulumi(...args: string[]): Promise<Result> {
  const result = await start(args).ended;
  if (!args.includes("--show-secrets")) said.push(result.output);
  return result;
}

async function succeed(...args: string[]): Promise<string> {
  const { code, output } = await pulumi(...args);
  expect(code, output).toBe(0);
  return output;
}

interface Outputs {
  readonly password: string;
  readonly bcryptHash: string;
  readonly stdout: string;
  readonly echoed: string;
}

async function outputs(): Promise<Outputs> {
  return JSON.parse(await succeed("stack", "output", "--json", "--show-secrets"));
}

function filesBelow(path: string): string[] {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function writeProgram(): void {
  mkdirSync(at("program", "node_modules", "@pulumi"), { recursive: true });
  for (const name of ["pulumi", "random", "command"]) {
    const installed = fileURLToPath(new URL(`../../node_modules/@pulumi/${name}`, import.meta.url));
    symlinkSync(installed, at("program", "node_modules", "@pulumi", name));
  }
  const project =
    "name: plugins\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.ts\n";
  writeFileSync(at("program", "Pulumi.yaml"), project);
  writeFileSync(at("program", "package.json"), '{ "type": "module", "main": "index.ts" }');
  writeFileSync(at("program", "index.ts"), program);
}

/** Puts the stand-ins before any real plugin: the engine takes the first on PATH. */
function writeLaunchers(): void {
  for (const { name, main } of Object.values(standIns)) {
    const launcher = at("bin", `pulumi-resource-${name}`);
    writeFileSync(launcher, `#!/bin/sh\nexec "${process.execPath}" "${fileURLToPath(main)}" "$@"\n`);
    chmodSync(launcher, 0o755);
  }
}

describe("the stand-ins under the real engine", () => {
  beforeAll(async () => {
    try {
      execFileSync("pulumi", ["version"], { stdio: "ignore" });
    } catch {
      throw new Error("pulumi is not on PATH: set this shell up by `. ./env`, or use `make test`");
    }
    for (const name of ["bin", "home", "state"]) mkdirSync(at(name));
    writeProgram();
    writeLaunchers();
    await succeed("stack", "init", "dev");
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const passwords: string[] = [];

  test("up makes the resources, names the stand-ins once, and changes nothing the second time", async () => {
    const output = await succeed("up", "--yes", "-c", "round=1");
    const diagnostics = output.slice(output.lastIndexOf("Diagnostics:"));
    for (const standIn of Object.values(standIns)) {
      expect(diagnostics.split(standInNotice(standIn))).toHaveLength(2);
    }
    const again = await succeed("preview", "--expect-no-changes");
    expect(again).not.toContain("stand-in for");

    const { password, bcryptHash, stdout, echoed } = await outputs();
    expect(password).toMatch(/^[A-Za-z0-9_-]{24}$/);
    expect(password.replace(/[^_-]/g, "").length).toBeGreaterThanOrEqual(2);
    expect(await compare(password, bcryptHash)).toBe(true);
    expect({ stdout, echoed }).toEqual({ stdout: "created", echoed: `it is ${password}` });
    expect(journal()).toEqual(["create 1"]);
    passwords.push(password);
  });

  test("a refresh finds nothing changed", async () => {
    expect(await succeed("refresh", "--yes", "--expect-no-changes")).toContain("unchanged");
  });

  test("a failing command fails the update, and says how without the secret it printed", async () => {
    const { code, output } = await pulumi("up", "--yes", "--skip-preview", "-c", "stage=fail");
    expect(code).not.toBe(0);
    expect(output).toMatch(/error: the create command ended with exit code 3:\s+it was \[secret\]/);
  });

  test("an interrupted update ends its command", async () => {
    const { child, ended } = start(["up", "--yes", "--skip-preview", "-c", "stage=wait"]);
    const pid = () => Number(readFileSync(at("waiting"), "utf8"));
    await expect.poll(() => pid() > 0, { timeout: 60_000, interval: 50 }).toBe(true);
    child.kill("SIGINT");
    const { code, output } = await ended;
    said.push(output);
    expect(code).not.toBe(0);
    expect(output).toContain("the create command was cancelled");
    expect(isRunning(pid())).toBe(false);
  });

  test("keepers and triggers replace, other inputs update with the previous output", async () => {
    const output = await succeed("up", "--yes", "--skip-preview", "-c", "round=2", "-c", "stage=none");
    expect(output).toMatch(/RandomPassword password replaced/);
    expect(output).toMatch(/Command replaced replaced/);
    expect(output).toMatch(/Command updated updated/);
    expect(output).toMatch(/\+-2 replaced/);
    expect(output).toMatch(/~ 2 updated/);

    const { password, stdout, echoed } = await outputs();
    expect(password).not.toBe(passwords[0]);
    expect({ stdout, echoed }).toEqual({ stdout: "updated after created", echoed: `it is ${password}` });
    expect(journal()).toEqual(["create 1", "create 2", "delete 1"]);
    passwords.push(password);
  });

  test("destroy runs the delete commands", async () => {
    await succeed("stack", "export", "--file", at("state", "export.json"));
    await succeed("destroy", "--yes", "--skip-preview");
    expect(journal().slice(3).sort()).toEqual(["delete 2", "deleted after updated after created"]);
    expect(JSON.parse(await succeed("stack", "export")).deployment.resources ?? []).toEqual([]);
  });

  test("no password stands in state, exports, other files or on the screen", () => {
    expect(passwords).toHaveLength(2);
    const files = [...filesBelow(at("state")), ...filesBelow(at("home")), at("program", "Pulumi.dev.yaml")];
    for (const text of [...files.map((file) => readFileSync(file, "utf8")), ...said]) {
      for (const password of passwords) expect(text.includes(password)).toBe(false);
    }
    expect(files.some((file) => readFileSync(file, "utf8").includes("RandomPassword"))).toBe(true);
  });
});
