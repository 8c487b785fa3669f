/** What ./env has Node load before the program and the policy pack, with an entry in the place of the SDK's own. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { preloadOption } from "../../../tools/stack/paths.ts";

const modules = join(projectRoot, "node_modules");

/** Which modules the SDK has loaded that this project does not need; and whether what needs them still works. */
const entry = `
  const sdk = ${JSON.stringify(join(modules, "@pulumi", "pulumi"))};
  const load = require("node:module").createRequire(sdk + "/package.json");
  const isWhole = (name) => Object.keys(require.cache[load.resolve(name)]?.exports ?? {}).length > 0;
  load(sdk);
  const loaded = ${JSON.stringify(["typescript", "@npmcli/arborist", "./automation", "./runtime/closure/v8Hooks"])}
    .filter(isWhole);
  const { automation, runtime } = load(sdk);
  runtime.serializeFunction(() => 41 + 1).then(({ text }) => {
    const works = [text.includes("41 + 1"), typeof automation.LocalWorkspace, typeof runtime.computeCodePaths];
    console.log(JSON.stringify({ loaded, works }));
  });
`;

const works = [true, "function", "function"];
/** What the SDK loads by itself; the fourth module is first loaded by its own entry. */
const all = ["typescript", "@npmcli/arborist", "./automation"];
let folder: string;
let checkout: string;

/** An SDK with this entry, and a checkout with a name that has to be quoted. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mlops-preload-"));
  checkout = join(folder, 'it\'s "odd" \\ here');
  mkdirSync(join(checkout, "policy"), { recursive: true });
  cpSync(join(projectRoot, "tools/stack/preload.cjs"), join(checkout, "tools/stack/preload.cjs"));
  for (const cmd of ["run", "run-policy-pack", "other"]) {
    const file = join(folder, "node_modules/@pulumi/pulumi/cmd", cmd, "index.js");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, entry);
  }
  for (const name of [
    "@pulumi/pulumi/automation",
    "@pulumi/pulumi/runtime",
    "@pulumi/pulumi/vendor",
    "@npmcli",
    "typescript",
  ])
    symlinkSync(join(modules, name), join(folder, "node_modules", name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(cmd: string, ...args: string[]): { loaded: string[]; works: unknown[] } {
  const script = join(folder, "node_modules/@pulumi/pulumi/cmd", cmd, "index.js");
  const env = { ...process.env, MLOPS_ROOT: checkout, NODE_OPTIONS: preloadOption(checkout) };
  const { stdout, stderr } = spawnSync(process.execPath, [script, ...args], { env, encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

describe("the preload", () => {
  test.each([
    ["program", "run", (): string[] => ["--pwd", checkout, "--dry-run", "index.ts"]],
    ["policy pack", "run-policy-pack", (): string[] => ["127.0.0.1:1", join(checkout, "policy")]],
  ])("makes what is not needed wait for its first use, in our %s", (_, cmd, args) => {
    expect(run(cmd, ...args())).toEqual({ loaded: [], works });
  });

  test("leaves other projects and other commands alone", () => {
    expect(run("run", "--pwd", folder, "index.ts")).toEqual({ loaded: all, works });
    expect(run("other", "--pwd", checkout)).toEqual({ loaded: all, works });
  });
}, 60_000);
