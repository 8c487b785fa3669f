import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { DownloadError } from "../../../tools/lib/download.ts";
import { exec } from "../../../tools/lib/exec.ts";
import { createLog } from "../../../tools/lib/log.ts";
import type { Context } from "../../../tools/toolchain/context.ts";
import { type Lock, parseLock, UNVERIFIED } from "../../../tools/toolchain/lockSchema.ts";

/** A folder that is removed when the running test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mlops-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes an executable shell script and returns its path. */
export function writeScript(path: string, body: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

export function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A script that works as the tool `widget` and prints its version. */
export function widgetScript(version: string): string {
  return `#!/bin/sh\necho "widget v${version}"\n`;
}

export const widgetUrl = "https://releases.test/widget-1.2.3-linux-amd64";

/** A lock with one plain tool; `change` may alter anything before it is validated. */
export function widgetLock(change: (lock: Mutable<Lock>) => void = () => {}): Lock {
  const lock: Mutable<Lock> = {
    node: {
      version: "24.0.0",
      npm: {},
      url: "https://node.test/{version}",
      sha256: { "linux-amd64": UNVERIFIED },
    },
    tools: {
      widget: {
        group: "core",
        version: "1.2.3",
        onPath: { range: ">=1.0.0 <2.0.0", args: ["version"], pattern: "widget v(\\S+)" },
        releases: [
          {
            url: "https://releases.test/widget-{version}-{os}-{arch}",
            format: "binary",
            members: [],
            sha256: { "linux-amd64": UNVERIFIED },
          },
        ],
        go: { module: "widget", package: "example.test/widget", ldflags: ["-s"] },
      },
    },
  };
  change(lock);
  return parseLock(JSON.stringify(lock), "test lock");
}

export type Mutable<T> = { -readonly [K in keyof T]: Mutable<T[K]> };

export interface TestContext extends Context {
  /** Everything that was logged, line by line. */
  readonly lines: string[];
  /** URLs asked for, in order. */
  readonly downloads: string[];
}

export interface ContextOptions extends Partial<Context> {
  /** What the network serves; every other URL is unreachable. */
  readonly served?: Readonly<Record<string, string | Buffer>>;
}

/** A context in a folder of its own, with a network that serves what the test says and no tool on PATH. */
export function testContext(options: ContextOptions = {}): TestContext {
  const { served = {}, ...overrides } = options;
  const root = temporaryFolder();
  const lines: string[] = [];
  const downloads: string[] = [];
  const goModulesDir = join(root, "go");
  mkdirSync(join(goModulesDir, "widget"), { recursive: true });
  writeFileSync(join(goModulesDir, "widget", "go.mod"), "module test\n\ngo 1.25.0\n");
  return {
    lock: widgetLock(),
    platform: "linux-amd64",
    cacheDir: join(root, "cache"),
    stateDir: join(root, ".mlops"),
    projectRoot: root,
    pulumiHome: join(root, "cache", "pulumi"),
    goModulesDir,
    searchPath: [],
    goFolders: [],
    freeBytes: () => 1024 ** 4,
    download: async (url, file) => {
      downloads.push(url);
      const content = served[url];
      if (content === undefined) throw new DownloadError(`${new URL(url).host}: getaddrinfo ENOTFOUND`, true);
      writeFileSync(file, content);
      return sha256(content);
    },
    exec,
    log: createLog({ write: (text) => lines.push(...text.trimEnd().split("\n")) }),
    retryReleases: false,
    ...overrides,
    lines,
    downloads,
  };
}

/** `exec` with a Go command that "builds" a widget; every other command runs for real. */
export function execWithGo(
  goVersion: string | undefined,
  build: (target: string) => void = (target) => {
    writeFileSync(target, widgetScript("1.2.3"), { mode: 0o755 });
  },
): Context["exec"] {
  return async (command, args = [], options = {}) => {
    if (!command.endsWith("/go")) return await exec(command, args, options);
    if (goVersion === undefined) throw new Error("no Go here");
    const target = args[args.indexOf("-o") + 1] ?? "";
    if (args[0] === "build") build(target);
    const answers: Record<string, string> = { "env GOVERSION GOTOOLCHAIN": `go${goVersion}\nauto\n` };
    return { code: 0, stdout: answers[args.join(" ")] ?? tmpdir(), stderr: "" };
  };
}

/** A folder for `searchPath` that holds an executable called go. */
export function goFolder(root: string): string {
  writeScript(join(root, "go-bin", "go"), "exit 1");
  return join(root, "go-bin");
}
