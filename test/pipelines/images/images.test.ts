/** Our images hold all that they run: built without containers, and started from what was copied. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { steps } from "@mlops/steps";
import { afterAll, describe, expect, it } from "vitest";
import { exec } from "../../../tools/lib/exec.ts";
import { createLog } from "../../../tools/lib/log.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { ensureTraining } from "../../../tools/training/environment.ts";
import { build, buildContext } from "./build.ts";

const roots: string[] = [];

function newRoot(image: string): string {
  const root = mkdtempSync(join(tmpdir(), `mlops-image-${image}-`));
  roots.push(root);
  return root;
}

afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

/** Nothing of this checkout or its environment, so that what an image lacks is missed. */
const bare = { NODE_PATH: undefined, NODE_COMPILE_CACHE: undefined, PYTHONPATH: undefined };

describe("the image deployment", () => {
  it("has every step, its libraries and the files that steps read", async () => {
    const root = newRoot("deployment");
    expect(await build("deployment", root)).toEqual({ leftOut: [] });
    const main = join(root, "app/apps/steps/main.ts");
    const { stdout } = await exec(process.execPath, [main, "--help"], { cwd: root, env: bare });
    for (const { name } of steps) expect(stdout).toContain(`  ${name} `);
    // What `upload` puts beside a model.
    expect(existsSync(join(root, "app/packages/registry/triton/model.py"))).toBe(true);
    // What the steps do not need is not there, the Pulumi SDKs above all.
    expect(readdirSync(join(root, "app/node_modules"))).not.toContain("@pulumi");
    expect(readdirSync(join(root, "app/apps/steps"))).toContain("package.json");
  });
});

describe("the image serving", () => {
  it.each(["serve", "reconcile", "adapters"])("has what the command %s needs", async (command) => {
    const root = roots.find((one) => one.includes("mlops-image-serving")) ?? newRoot("serving");
    if (!existsSync(join(root, "app"))) expect(await build("serving", root)).toEqual({ leftOut: [] });
    const main = join(root, "app/apps/gateway/main.ts");
    const started = await exec(process.execPath, [main, command], {
      cwd: root,
      env: { ...bare, AWS_REGION: undefined, MLOPS_BUCKET_MODEL_REGISTRY: undefined },
      allowFailure: true,
      timeoutMs: 60_000,
    });
    // Loaded whole: what it misses is its configuration.
    expect(started.code).toBe(2);
    expect(started.stderr).toContain("MLOPS_BUCKET_MODEL_REGISTRY");
  });
});

describe("the image training", () => {
  it("has every step; what pip installs is left out, and held to the test environment by its own test", async () => {
    const root = newRoot("training");
    const { leftOut } = await build("training", root);
    expect(leftOut.map((command) => command.split(" ")[0])).toEqual(["python", "/opt/venv/bin/pip"]);
    expect(existsSync(join(root, "tmp/requirements.txt"))).toBe(true);
    const python = await ensureTraining(createLog());
    const described = JSON.parse(readFileSync(join(projectRoot, "training/steps.json"), "utf8")) as {
      name: string;
    }[];
    const modules = [...new Set(described.map(({ name }) => `mlops_training.${name.split(" ")[0]}`))];
    const code = `import importlib\nfor name in ${JSON.stringify(modules)}: importlib.import_module(name)`;
    const sources = join(root, "opt/training/src");
    await exec(python, ["-c", code], {
      cwd: root,
      env: { ...bare, PYTHONPATH: sources },
      timeoutMs: 120_000,
    });
    expect(modules.length).toBeGreaterThan(5);
  });
});

describe("the image benchmark", () => {
  it("has its script, which starts with Python alone", async () => {
    const root = newRoot("benchmark");
    const { leftOut } = await build("benchmark", root);
    expect(leftOut).toHaveLength(3);
    const python = await ensureTraining(createLog());
    const script = join(root, "app/apps/steps/benchmark/measure_performance.py");
    const { stdout } = await exec(python, [script, "--help"], { cwd: root, env: bare });
    expect(stdout).toContain("--output-loads");
  });
});

describe("a build's context", () => {
  it.each([
    "deployment",
    "serving",
    "training",
    "benchmark",
  ])("of %s holds no more than the image", async (image) => {
    const context = await buildContext(image);
    expect(context.length).toBeGreaterThan(0);
    const foreign = context.filter((path) =>
      /(^|\/)(node_modules|\.mlops|test|__pycache__)\/|\.test\.ts$/.test(path),
    );
    expect(foreign).toEqual([]);
  });
});
