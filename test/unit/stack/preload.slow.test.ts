/** What ./env has Node load before the program and the policy pack, with an entry in the place of the SDK's own. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { preloadOption } from "../../../tools/stack/paths.ts";

const modules = join(projectRoot, "node_modules");

/** Which modules the SDK has loaded that only serialize functions; and whether it still can. */
const entry = `
  const sdk = ${JSON.stringify(join(modules, "@pulumi", "pulumi"))};
  const load = require("node:module").createRequire(sdk + "/package.json");
  const isWhole = (name) => Object.keys(require.cache[load.resolve(name)]?.exports ?? {}).length > 0;
  load(sdk);
  const loaded = ["typescript", "@npmcli/arborist", "./runtime/closure/v8Hooks"].filter(isWhole);
  load(sdk + "/runtime/closure/serializeClosure.js")
    .serializeFunction(() => 41 + 1)
    .then(({ text }) => console.log(JSON.stringify({ loaded, serialized: text.includes("41 + 1") })));
`;

const all = ["typescript", "@npmcli/arborist", "./runtime/closure/v8Hooks"];
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
  for (const name of ["@pulumi/pulumi/runtime", "@pulumi/pulumi/vendor", "@npmcli", "typescript"])
    symlinkSync(join(modules, name), join(folder, "node_modules", name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(cmd: string, ...args: string[]): { loaded: string[]; serialized: boolean } {
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
  ])("makes what serializes functions wait for the first function, in our %s", (_, cmd, args) => {
    expect(run(cmd, ...args())).toEqual({ loaded: [], serialized: true });
  });

  test("leaves other projects and other commands alone", () => {
    const { loaded, serialized } = run("run", "--pwd", folder, "index.ts");
    // This one is first loaded by the SDK's own entry.
    expect([loaded, serialized]).toEqual([all.slice(0, 2), true]);
    expect(run("other", "--pwd", checkout).loaded).toEqual(all.slice(0, 2));
  });
}, 60_000);
