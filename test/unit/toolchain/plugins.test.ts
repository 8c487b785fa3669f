import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { exec } from "../../../tools/lib/exec.ts";
import { install } from "../../../tools/toolchain/install.ts";
import type { Lock } from "../../../tools/toolchain/lockSchema.ts";
import { installPlugins } from "../../../tools/toolchain/plugins.ts";
import type { Resolved } from "../../../tools/toolchain/resolve.ts";
import { isStandIn, standInsInUse } from "../../../tools/toolchain/standIn.ts";
import {
  type ContextOptions,
  type TestContext,
  temporaryFolder,
  testContext,
  widgetLock,
  writeScript,
} from "./context.ts";

const name = "pulumi-resource-gizmo";
const url = "https://releases.test/gizmo";

/** The lock of a plugin without Go module, and of the `pulumi` that installs it. */
function pluginLock(): Lock {
  return widgetLock((lock) => {
    const plain = lock.tools.widget;
    if (plain === undefined) return;
    const { onPath: _onPath, go: _go, ...rest } = plain;
    lock.tools = {
      pulumi: { ...plain },
      [name]: { ...rest, plugin: { name: "gizmo", standIn: "plugins/gizmo" } },
    };
    Object.assign(lock.tools[name]?.releases[0] ?? {}, { url });
  });
}

/** A context with a `pulumi` that installs plugins as the real one does; `installs` counts how often. */
function pluginContext(
  options: ContextOptions = {},
): TestContext & { installs: () => number; plugin: string } {
  const folder = temporaryFolder();
  const log = join(folder, "log");
  writeFileSync(log, "");
  writeScript(
    join(folder, "pulumi"),
    `[ "$1" = version ] && { echo "widget v1.2.3"; exit 0; }
     echo "$@" >> ${log}
     dir=$PULUMI_HOME/plugins/$3-$4-v$5
     case " $* " in *" --reinstall "*) ;; *) [ -e "$dir" ] && exit 0 ;; esac
     for file in "$@"; do :; done
     mkdir -p "$dir" && cp "$file" "$dir/pulumi-$3-$4"`,
  );
  const context = testContext({ lock: pluginLock(), searchPath: [folder], ...options });
  return {
    ...context,
    lines: context.lines,
    downloads: context.downloads,
    installs: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line.startsWith("plugin install")).length,
    plugin: join(context.pulumiHome, "plugins", "resource-gizmo-v1.2.3", name),
  };
}

describe("a plugin that cannot be downloaded", () => {
  test("is replaced by the stand-in, said so, and installed once", async () => {
    const context = pluginContext();
    const tools = await install(context, ["core"]);
    expect(tools.at(-1)).toMatchObject({ name, source: "stand-in" });
    expect(isStandIn(context.plugin)).toBe(true);
    expect(context.lines).toContain(`note: ${name} is a stand-in (plugins/gizmo), not the real plugin`);
    await install(context, ["core"]);
    expect(context.installs()).toBe(1);
    expect(standInsInUse(context.lock, context.pulumiHome)).toEqual(["gizmo 1.2.3"]);
  });

  test("is asked for again after a day, or at once with --refresh, but not before", async () => {
    const context = pluginContext();
    await install(context, ["core"]);
    await install(context, ["core"]);
    expect(context.downloads).toHaveLength(1);
    await install({ ...context, retryReleases: true }, ["core"]);
    expect(context.downloads).toHaveLength(2);
    const yesterday = Date.now() / 1000 - 25 * 3600;
    utimesSync(join(context.cacheDir, "tools", name, "release-unavailable"), yesterday, yesterday);
    await install(context, ["core"]);
    expect(context.downloads).toHaveLength(3);
  });

  test("the shim runs the main.ts of the checkout, with the engine's arguments", async () => {
    const context = pluginContext();
    mkdirSync(join(context.projectRoot, "plugins", "gizmo"), { recursive: true });
    writeFileSync(
      join(context.projectRoot, "plugins", "gizmo", "main.ts"),
      "const args: string[] = process.argv.slice(2);\nconsole.log(args.join());\n",
    );
    await install(context, ["core"]);
    const { stdout } = await exec(context.plugin, ["127.0.0.1:1", "-x"], { env: { MLOPS_ROOT: undefined } });
    expect(stdout.trim()).toBe("127.0.0.1:1,-x");
  });

  test("gives way to another clone's without a moment in which there is none", async () => {
    const context = pluginContext();
    await install(context, ["core"]);
    const other = pluginContext({ pulumiHome: context.pulumiHome, cacheDir: context.cacheDir });
    const { ino } = statSync(context.plugin);
    await install(other, ["core"]);
    expect(readFileSync(context.plugin, "utf8")).toContain(other.projectRoot);
    expect(statSync(context.plugin)).toMatchObject({ mode: 0o100755 });
    expect(statSync(context.plugin).ino).not.toBe(ino);
    // The CLI is not asked: it removes the old one first.
    expect(other.installs()).toBe(0);
    expect(standInsInUse(context.lock, context.pulumiHome)).toEqual(["gizmo 1.2.3"]);
  });

  test("the shim of a checkout that is gone says what to do", async () => {
    const context = pluginContext();
    await install(context, ["core"]);
    const attempt = exec(context.plugin, [], { env: { MLOPS_ROOT: undefined } });
    await expect(attempt).rejects.toThrow(
      /checkout of this stand-in is gone; run: node tools\/toolchain\/cli\.ts install/,
    );
  });
});

describe("a real plugin", () => {
  const real = "#!/bin/sh\n# real\nexit 0\n";

  /** The plugin archive holds nothing but a script, and the lock says `binary`. */
  const served = { [url]: real };

  test("replaces the stand-in as soon as it can be had", async () => {
    const context = pluginContext();
    await install(context, ["core"]);
    const online = pluginContext({
      served,
      pulumiHome: context.pulumiHome,
      cacheDir: context.cacheDir,
      retryReleases: true,
    });
    await install(online, ["core"]);
    expect(readFileSync(context.plugin, "utf8")).toBe(real);
    expect(online.lines.join("\n")).toContain("the real plugin is at hand now and replaces the stand-in");
    expect(standInsInUse(context.lock, context.pulumiHome)).toEqual([]);
  });

  test("that somebody else installed is never replaced by a stand-in", async () => {
    const context = pluginContext();
    writeScript(context.plugin, "# installed by hand");
    await install(context, ["core"]);
    expect(readFileSync(context.plugin, "utf8")).toContain("installed by hand");
    expect(context.installs()).toBe(0);
  });

  test("is installed again when its file was changed in PULUMI_HOME, and only then", async () => {
    const context = pluginContext({ served });
    await install(context, ["core"]);
    await install(context, ["core"]);
    expect(context.installs()).toBe(1);
    writeFileSync(context.plugin, "cut");
    await install(context, ["core"]);
    expect(context.installs()).toBe(2);
    expect(statSync(context.plugin).size).toBe(real.length);
  });
});

test("an install that reports success but leaves no file is an error", async () => {
  const context = pluginContext();
  const silent: TestContext["exec"] = async () => ({ code: 0, stdout: "", stderr: "" });
  const spec = context.lock.tools[name];
  const path = join(temporaryFolder(), name);
  writeScript(path, "exit 0");
  const plugin = { name, spec, path, source: "release", version: "1.2.3" } as Resolved;
  const attempt = installPlugins({ ...context, exec: silent }, "pulumi", [plugin]);
  await expect(attempt).rejects.toThrow(`${dirname(context.plugin)}/${name} is missing`);
});
