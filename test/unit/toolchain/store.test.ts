import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { requireFree } from "../../../tools/toolchain/files.ts";
import { install } from "../../../tools/toolchain/install.ts";
import {
  buildDir,
  installedBinary,
  installInto,
  releaseDir,
  toolDir,
} from "../../../tools/toolchain/store.ts";
import {
  sha256,
  type TestContext,
  temporaryFolder,
  testContext,
  widgetLock,
  widgetScript,
  widgetUrl,
} from "./context.ts";

const content = widgetScript("1.2.3");

function spec(context: TestContext): NonNullable<TestContext["lock"]["tools"][string]> {
  const found = context.lock.tools.widget;
  if (found === undefined) throw new Error("the test lock has no widget");
  return found;
}

/** A context in which the widget's release is installed, and the folder of that install. */
async function installed(): Promise<{ context: TestContext; folder: string }> {
  const context = testContext({ served: { [widgetUrl]: content } });
  await install(context, ["core"]);
  const folder = releaseDir(context, "widget", spec(context));
  if (folder === undefined) throw new Error("no release folder");
  return { context, folder };
}

const binary = (context: TestContext, folder: string): string | undefined =>
  installedBinary(context, "widget", spec(context), folder);

describe("an install that was killed", () => {
  test.each([
    ["before its stamp was written", (folder: string) => rmSync(join(folder, "installed.json"))],
    ["while its stamp was written", (folder: string) => truncateSync(join(folder, "installed.json"), 10)],
    ["and left a binary cut short", (folder: string) => truncateSync(join(folder, "bin", "widget"), 5)],
    ["and left no binary", (folder: string) => rmSync(join(folder, "bin", "widget"))],
  ])("%s is not used, and the next install makes it whole", async (_name, damage) => {
    const { context, folder } = await installed();
    damage(folder);
    expect(binary(context, folder)).toBeUndefined();
    await install(context, ["core"]);
    expect(binary(context, folder)).toBe(join(folder, "bin", "widget"));
    expect(context.downloads).toHaveLength(2);
  });

  test("leaves a partial folder that the next one removes", async () => {
    const context = testContext({ served: { [widgetUrl]: content } });
    mkdirSync(join(toolDir(context, "widget"), ".partial-killed", "bin"), { recursive: true });
    await install(context, ["core"]);
    expect(readdirSync(toolDir(context, "widget")).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("in the middle leaves nothing under the final name", async () => {
    const context = testContext();
    const folder = join(toolDir(context, "widget"), "1.2.3-x");
    const attempt = installInto(context, "widget", folder, async ({ binDir }) => {
      writeFileSync(join(binDir, "widget"), "half");
      expect(existsSync(folder)).toBe(false);
      throw new Error("killed");
    });
    await expect(attempt).rejects.toThrow("killed");
    expect(readdirSync(toolDir(context, "widget"))).toEqual([]);
  });
});

describe("when the lock gets a checksum for what was installed unverified", () => {
  const lockWith = (digest: string): TestContext["lock"] =>
    widgetLock((lock) => {
      Object.assign(lock.tools.widget?.releases[0]?.sha256 ?? {}, { "linux-amd64": digest });
    });

  test("the install stays when it matches", async () => {
    const { context, folder } = await installed();
    expect(binary({ ...context, lock: lockWith(sha256(content)) }, folder)).toBeDefined();
  });

  test("the install is no longer used when it does not", async () => {
    const { context, folder } = await installed();
    expect(binary({ ...context, lock: lockWith(sha256("another")) }, folder)).toBeUndefined();
  });
});

test("a build's folder changes with every input of the build, and with nothing else", () => {
  const context = testContext();
  const go = { module: "widget", package: "example.test/widget", ldflags: ["-s"] };
  const before = buildDir(context, "widget", spec(context), go);
  expect(buildDir(context, "widget", spec(context), { ...go })).toBe(before);
  expect(buildDir(context, "widget", spec(context), { ...go, ldflags: ["-w"] })).not.toBe(before);
  expect(buildDir({ ...context, platform: "linux-arm64" }, "widget", spec(context), go)).not.toBe(before);
  writeFileSync(join(context.goModulesDir, "widget", "go.sum"), "changed");
  expect(buildDir(context, "widget", spec(context), go)).not.toBe(before);
});

test("too little disk is an error that says how much is needed, where, and what to do", () => {
  const folder = join(temporaryFolder(), "not", "yet", "there");
  expect(() => requireFree(folder, 1024 ** 6, "Building widget")).toThrow(
    /Building widget needs 1073741824\.0 GiB of free disk at .*there, which has .*MLOPS_CACHE/,
  );
  expect(() => requireFree(folder, 1, "Building widget")).not.toThrow();
});
