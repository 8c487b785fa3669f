import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exec } from "../../../tools/lib/exec.ts";
import { UNVERIFIED } from "../../../tools/toolchain/lockSchema.ts";
import { ChecksumError, ReleaseStore, ReleaseUnavailableError } from "../../../tools/toolchain/release.ts";
import type { Staging } from "../../../tools/toolchain/store.ts";
import {
  type ContextOptions,
  sha256,
  type TestContext,
  temporaryFolder,
  testContext,
  widgetLock,
  widgetScript,
  widgetUrl,
} from "./context.ts";

const archiveUrl = "https://releases.test/widget.tar.gz";

/** A lock whose widget comes in an archive, or as a binary with the given checksum. */
function lockWith(change: { sha256?: string; members?: string[] }): ContextOptions["lock"] & object {
  return widgetLock((lock) => {
    const release = lock.tools.widget?.releases[0];
    if (release === undefined) return;
    release.sha256 = { "linux-amd64": change.sha256 ?? UNVERIFIED };
    if (change.members !== undefined) {
      Object.assign(release, { url: archiveUrl, format: "tar.gz", members: change.members });
    }
  });
}

async function tarball(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, "in", name, ".."), { recursive: true });
    writeFileSync(join(folder, "in", name), content);
  }
  await exec("tar", ["-czf", join(folder, "out.tgz"), "-C", join(folder, "in"), "."]);
  return readFileSync(join(folder, "out.tgz"));
}

/** Empty staging folders. */
function newStaging(): Staging {
  const parent = temporaryFolder();
  const staging = { binDir: join(parent, "bin"), workDir: join(parent, "work") };
  for (const folder of Object.values(staging)) mkdirSync(folder);
  return staging;
}

async function installWidget(context: TestContext): Promise<{ binDir: string; sha256: string }> {
  const staging = newStaging();
  const spec = context.lock.tools.widget;
  if (spec === undefined) throw new Error("the test lock has no widget");
  const digest = await new ReleaseStore(context).install("widget", spec, staging, () => {});
  return { binDir: staging.binDir, sha256: digest };
}

describe("a bare binary", () => {
  const content = widgetScript("1.2.3");

  test("is installed, executable, when its checksum is the recorded one", async () => {
    const context = testContext({
      lock: lockWith({ sha256: sha256(content) }),
      served: { [widgetUrl]: content },
    });
    const { binDir, sha256: digest } = await installWidget(context);
    expect(digest).toBe(sha256(content));
    expect(statSync(join(binDir, "widget")).mode & 0o111).toBe(0o111);
    expect(context.lines).toEqual([]);
  });

  test("is accepted with a notice when no checksum is recorded", async () => {
    const context = testContext({ served: { [widgetUrl]: content } });
    await installWidget(context);
    expect(context.lines.join("\n")).toContain(`accepted unverified, sha256 ${sha256(content)}`);
  });

  test("with another checksum is refused; the error names both and nothing is left", async () => {
    const expected = sha256("another file");
    const context = testContext({ lock: lockWith({ sha256: expected }), served: { [widgetUrl]: content } });
    const attempt = installWidget(context);
    await expect(attempt).rejects.toThrow(ChecksumError);
    await expect(attempt).rejects.toThrow(
      new RegExp(`expected sha256 ${expected}\\s+actual +sha256 ${sha256(content)}`),
    );
  });

  test("that does not run (an error page, another architecture) is no usable release", async () => {
    const context = testContext({ served: { [widgetUrl]: "<html>please log in</html>" } });
    await expect(installWidget(context)).rejects.toThrow(ReleaseUnavailableError);
  });
});

describe("an archive", () => {
  test("gives the named members only, wherever they lie in it", async () => {
    const archive = await tarball({
      "linux-amd64/widget": widgetScript("1.2.3"),
      "linux-amd64/LICENSE": "x",
    });
    const context = testContext({
      lock: lockWith({ members: ["{os}-{arch}/widget"] }),
      served: { [archiveUrl]: archive },
    });
    const { binDir } = await installWidget(context);
    expect(readdirSync(binDir)).toEqual(["widget"]);
  });

  test("that is cut short is no usable release", async () => {
    const archive = await tarball({ widget: widgetScript("1.2.3").repeat(1000) });
    const served = { [archiveUrl]: archive.subarray(0, archive.length / 2) };
    const context = testContext({ lock: lockWith({ members: ["widget"] }), served });
    await expect(installWidget(context)).rejects.toThrow(/is damaged or does not run here/);
  });

  test("without the member is no usable release, and the message names the member", async () => {
    const archive = await tarball({ gadget: "x" });
    const context = testContext({
      lock: lockWith({ members: ["widget"] }),
      served: { [archiveUrl]: archive },
    });
    await expect(installWidget(context)).rejects.toThrow("does not contain widget");
  });

  test("that serves two tools is downloaded once, and its copy is removed at the end", async () => {
    const archive = await tarball({ widget: widgetScript("1.2.3") });
    const context = testContext({
      lock: lockWith({ members: ["widget"] }),
      served: { [archiveUrl]: archive },
    });
    const store = new ReleaseStore(context);
    const spec = context.lock.tools.widget;
    for (const name of ["widget", "widget"]) {
      if (spec !== undefined) await store.install(name, spec, newStaging(), () => {});
    }
    expect(context.downloads).toEqual([archiveUrl]);
    const killed = join(context.cacheDir, "downloads", String(2 ** 30));
    mkdirSync(killed);
    store.close();
    expect(readdirSync(join(context.cacheDir, "downloads"))).toEqual([]);
    expect(existsSync(killed)).toBe(false);
  });
});

test("a platform without a release is told apart from an unreachable one", async () => {
  const context = testContext({ platform: "darwin-arm64" });
  await expect(installWidget(context)).rejects.toThrow("no release is published for darwin-arm64");
});
