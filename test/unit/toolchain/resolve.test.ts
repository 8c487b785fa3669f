import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { install } from "../../../tools/toolchain/install.ts";
import { findPresent, type Resolved } from "../../../tools/toolchain/resolve.ts";
import {
  execWithGo,
  goFolder,
  sha256,
  type TestContext,
  temporaryFolder,
  testContext,
  widgetLock,
  widgetScript,
  widgetUrl,
  writeScript,
} from "./context.ts";

const served = { [widgetUrl]: widgetScript("1.2.3") };

/** A folder for PATH that holds a widget of this version. */
function widgetOnPath(version: string): string {
  const folder = temporaryFolder();
  writeScript(join(folder, "widget"), `echo "widget v${version}"`);
  return folder;
}

async function resolveWidget(context: TestContext): Promise<Resolved> {
  const [tool] = await install(context, ["core"]);
  if (tool === undefined) throw new Error("nothing was resolved");
  return tool;
}

describe("the order of sources", () => {
  test("a fitting version on PATH goes first, and nothing is fetched", async () => {
    const folder = widgetOnPath("1.9.0");
    const context = testContext({ searchPath: [folder], served });
    expect(await resolveWidget(context)).toMatchObject({ source: "path", version: "1.9.0" });
    expect(context.downloads).toEqual([]);
    expect(readlinkSync(join(context.stateDir, "bin", "widget"))).toBe(join(folder, "widget"));
  });

  test("a later folder of PATH is used when the first holds a version that does not fit", async () => {
    const [dispatcher, good] = [widgetOnPath("1.5.0-dispatcher"), widgetOnPath("1.4.0")];
    const context = testContext({ searchPath: [dispatcher, good], served });
    expect((await resolveWidget(context)).path).toBe(join(good, "widget"));
  });

  test("what is on PATH in another version is passed over for the release", async () => {
    const context = testContext({ searchPath: [widgetOnPath("2.0.0")], served });
    expect(await resolveWidget(context)).toMatchObject({ source: "release", version: "1.2.3" });
  });

  test("our own links and installs on PATH do not count as the user's", async () => {
    const context = testContext({ served });
    const { path } = await resolveWidget(context);
    const elsewhere = temporaryFolder();
    symlinkSync(path, join(elsewhere, "widget"));
    const searchPath = [join(context.stateDir, "bin"), elsewhere];
    const again = await findPresent({ ...context, searchPath }, "widget", context.lock.tools.widget as never);
    expect(again?.source).toBe("release");
  });

  test("an unreachable release falls to the build, said in one line", async () => {
    const context = testContext({ exec: execWithGo("1.26.0"), searchPath: [goFolder(temporaryFolder())] });
    expect(await resolveWidget(context)).toMatchObject({ source: "build", version: "1.2.3" });
    const line = "releases.test: getaddrinfo ENOTFOUND; building it from its Go module instead";
    expect(context.lines).toContain(`  widget: ${line}`);
  });

  test("a wrong checksum is an error: no build takes its place", async () => {
    const lock = widgetLock((draft) => {
      Object.assign(draft.tools.widget?.releases[0]?.sha256 ?? {}, { "linux-amd64": sha256("other") });
    });
    const searchPath = [goFolder(temporaryFolder())];
    const context = testContext({ lock, served, exec: execWithGo("1.26.0"), searchPath });
    await expect(resolveWidget(context)).rejects.toThrow("wrong checksum");
    expect(readdirSync(join(context.cacheDir, "tools", "widget"))).toEqual([]);
  });

  test("what was installed once is found again without network and without Go", async () => {
    const context = testContext({ served });
    await resolveWidget(context);
    const offline = { ...context, download: () => Promise.reject(new Error("asked for the network")) };
    expect((await install(offline, ["core"]))[0]?.source).toBe("release");
  });
});

describe("what cannot be had", () => {
  const twoTools = widgetLock((draft) => {
    if (draft.tools.widget !== undefined) draft.tools.gadget = structuredClone(draft.tools.widget);
  });

  test("without network and Go one error lists every tool and the ways to each", async () => {
    const context = testContext({ lock: twoTools });
    const attempt = install(context, ["core"]);
    await expect(attempt).rejects.toThrow(/neither found, downloaded nor built here \(2\)/);
    await expect(attempt).rejects.toThrow(
      /widget: .*no Go is installed\n +to get it: put widget >=1.0.0 <2.0.0 on PATH/,
    );
    await expect(attempt).rejects.toThrow(/gadget: .*ENOTFOUND/);
  });

  test("a Go that is too old and may not fetch a newer one is named, with both versions", async () => {
    const old = execWithGo("1.20.0");
    const context = testContext({ exec: old, searchPath: [goFolder(temporaryFolder())] });
    await expect(install(context, ["core"])).rejects.toThrow("Go 1.25.0 is needed, 1.20.0 is installed");
  });

  test("one tool's failure does not keep the others from being installed", async () => {
    const context = testContext({ lock: twoTools, served });
    const gadget = context.lock.tools.gadget;
    Object.assign(gadget?.releases[0] ?? {}, { url: "https://elsewhere.test/x" });
    await expect(install(context, ["core"])).rejects.toThrow(/built here \(1\):\n +gadget/);
    expect((await findPresent(context, "widget", twoTools.tools.widget as never))?.source).toBe("release");
  });
});

describe("a tool that belongs beside another", () => {
  const lock = widgetLock((draft) => {
    if (draft.tools.widget === undefined) return;
    const { onPath: _, ...plain } = structuredClone(draft.tools.widget);
    draft.tools["widget-host"] = { ...plain, beside: "widget" };
  });
  const hostServed = { ...served };

  test("is taken from the folder of a widget on PATH", async () => {
    const folder = widgetOnPath("1.4.0");
    writeScript(join(folder, "widget-host"), "exit 0");
    const context = testContext({ lock, searchPath: [folder] });
    const [, host] = await install(context, ["core"]);
    expect(host).toMatchObject({ source: "path", path: join(folder, "widget-host") });
  });

  test("is not taken from PATH when the widget is not, and is linked into the widget's folder", async () => {
    const folder = temporaryFolder();
    writeScript(join(folder, "widget-host"), "exit 0");
    const context = testContext({ lock, searchPath: [folder], served: hostServed });
    const [widget, host] = await install(context, ["core"]);
    expect(host?.source).toBe("release");
    expect(readlinkSync(join(widget?.path ?? "", "..", "widget-host"))).toBe(host?.path);
    expect(readdirSync(join(context.stateDir, "bin"))).toEqual(["widget"]);
  });
});

test("two installs at once do the work once; the second waits and says so", async () => {
  const context = testContext({ served });
  let running = 0;
  const slow: TestContext["download"] = async (url, file) => {
    running++;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return await context.download(url, file);
  };
  const both = await Promise.all([
    install({ ...context, download: slow }, ["core"]),
    install({ ...context, download: slow }, ["core"]),
  ]);
  expect(both.map(([tool]) => tool?.source)).toEqual(["release", "release"]);
  expect(running).toBe(1);
  expect(context.lines.join("\n")).toMatch(/widget: another run \(process \d+\) is installing it; waiting/);
});

test("the version of a tool on PATH is asked once, and again when the file changes", async () => {
  const folder = temporaryFolder();
  const calls = join(folder, "calls");
  const script = (version: string): string => `echo x >> ${calls}\necho "widget v${version}"`;
  writeScript(join(folder, "widget"), script("1.4.0"));
  const context = testContext({ searchPath: [folder] });
  await resolveWidget(context);
  await resolveWidget(context);
  expect(readFileSync(calls, "utf8")).toBe("x\n");
  writeScript(join(folder, "widget"), script("1.10.0"));
  expect((await resolveWidget(context)).version).toBe("1.10.0");
});

test("a broken probe cache is no obstacle", async () => {
  const context = testContext({ searchPath: [widgetOnPath("1.4.0")] });
  mkdirSync(context.cacheDir, { recursive: true });
  writeFileSync(join(context.cacheDir, "probes.json"), '{"half');
  expect((await resolveWidget(context)).source).toBe("path");
});
