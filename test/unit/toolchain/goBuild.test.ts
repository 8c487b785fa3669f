import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ExecError, type ExecOptions } from "../../../tools/lib/exec.ts";
import { buildTool, findGo, type GoCommand, goProblem } from "../../../tools/toolchain/goBuild.ts";
import type { GoBuild } from "../../../tools/toolchain/lockSchema.ts";
import { type TestContext, temporaryFolder, testContext, widgetScript, writeScript } from "./context.ts";

const build: GoBuild = { module: "widget", package: "example.test/widget", ldflags: ["-s", "-X a.b=c"] };

interface Call {
  readonly args: readonly string[];
  readonly env: ExecOptions["env"];
  /** Names and contents of the files in the working directory. */
  readonly files: Readonly<Record<string, string>>;
}

/** A context whose `go` records its calls; `moduleDir` is where it says a module was downloaded to. */
function recordingContext(moduleDir = ""): { context: TestContext; calls: Call[] } {
  const calls: Call[] = [];
  const context = testContext({
    exec: async (command, args = [], options = {}) => {
      if (command !== "/go") return { code: 0, stdout: "", stderr: "" };
      const cwd = options.cwd ?? temporaryFolder();
      const names = readdirSync(cwd);
      const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(cwd, name), "utf8")]));
      calls.push({ args, env: options.env, files });
      if (args[0] === "build") writeFileSync(args[args.indexOf("-o") + 1] ?? "", widgetScript("1.2.3"));
      const lines = ["go: downloading example.test/x v1", "example.test/x", "example.test/y"];
      if (args[0] === "build") for (const line of lines) options.onLine?.(line, "stderr");
      return { code: 0, stdout: args[0] === "list" ? `${moduleDir}\n` : `${context.cacheDir}\n`, stderr: "" };
    },
  });
  return { context, calls };
}

const go: GoCommand = { path: "/go", version: "1.26.0", toolchain: "auto" };

async function runBuild(
  context: TestContext,
  recipe: GoBuild,
): Promise<{ binDir: string; details: string[] }> {
  const binDir = temporaryFolder();
  const details: string[] = [];
  const spec = context.lock.tools.widget;
  if (spec === undefined) throw new Error("the test lock has no widget");
  await buildTool(
    context,
    go,
    { name: "widget", spec, build: recipe },
    { binDir, workDir: temporaryFolder() },
    (detail) => details.push(detail),
  );
  return { binDir, details };
}

describe("buildTool", () => {
  test("builds the pinned package from a copy of the module, with the recipe's flags and no cgo", async () => {
    const { context, calls } = recordingContext();
    const { binDir, details } = await runBuild(context, build);
    const call = calls.at(-1);
    expect(call?.args.slice(0, 5)).toEqual(["build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"]);
    expect(call?.args.slice(5)).toEqual([
      "-ldflags",
      "-s -X a.b=c",
      "-o",
      join(binDir, "widget"),
      build.package,
    ]);
    expect(call?.env).toMatchObject({ CGO_ENABLED: "0", GOWORK: "off" });
    expect(Object.keys(call?.files ?? {})).toEqual(["go.mod"]);
    expect(details).toEqual(["downloading example.test/x v1", "1 packages compiled", "2 packages compiled"]);
  });

  test("the checksum database stays in force", async () => {
    const { context, calls } = recordingContext();
    await runBuild(context, build);
    for (const { env } of calls)
      expect(Object.keys(env ?? {}).join()).not.toMatch(/SUMDB|NOSUM|INSECURE|PRIVATE/);
  });

  test("files that a module generates are written beside its own, with the fields set", async () => {
    const source = temporaryFolder();
    mkdirSync(join(source, "cmd"));
    writeFileSync(join(source, "cmd", "schema.json"), '{ "name": "widget",\n "version": "0.0.0" }');
    const { context, calls } = recordingContext(source);
    const generate = [
      { fromModule: "example.test/m", file: "cmd/schema.json", to: "embed.json", set: { version: "1.2.3" } },
    ];
    await runBuild(context, { ...build, generate });
    expect(calls.map(({ args }) => args[0])).toEqual(["env", "mod", "list", "build"]);
    expect(calls.at(-1)?.files["embed.json"]).toBe('{"name":"widget","version":"1.2.3"}');
    expect(readdirSync(join(context.goModulesDir, "widget"))).toEqual(["go.mod"]);
  });

  test("a failed build passes on what Go said", async () => {
    const context = testContext({
      exec: async (_command, args = []) => {
        if (args[0] === "build") throw new ExecError("go build: undefined: x", 1, "", "");
        return { code: 0, stdout: "/tmp\n", stderr: "" };
      },
    });
    await expect(runBuild(context, build)).rejects.toThrow("undefined: x");
  });
});

describe("goProblem", () => {
  const context = (): TestContext => testContext();
  test.each([
    [{ ...go, version: "1.25.0" }, undefined],
    [{ ...go, version: "1.24.9", toolchain: "auto" }, undefined],
    [
      { ...go, version: "1.24.9", toolchain: "local" },
      /Go 1\.25\.0 is needed, 1\.24\.9 is installed and GOTOOLCHAIN=local/,
    ],
    [{ ...go, version: "1.20.14", toolchain: "auto" }, /Go 1\.25\.0 is needed, 1\.20\.14 is installed$/],
    [{ path: undefined, version: undefined, toolchain: undefined }, /no Go is installed/],
  ])("%o: %s", (command, expected) => {
    const problem = goProblem(context(), command, build);
    if (expected === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatch(expected);
  });
});

test("findGo passes over a shim that has no Go behind it", async () => {
  const [shim, real] = [temporaryFolder(), temporaryFolder()];
  writeScript(join(shim, "go"), "echo 'go: command not found' >&2; exit 127");
  writeScript(join(real, "go"), "printf 'go1.26.8\\nlocal\\n'");
  const found = await findGo(testContext({ searchPath: [shim], goFolders: [real] }));
  expect(found).toEqual({ path: join(real, "go"), version: "1.26.8", toolchain: "local" });
});
