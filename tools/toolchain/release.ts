import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { DownloadError } from "../lib/download.ts";
import { ExecError } from "../lib/exec.ts";
import type { Context } from "./context.ts";
import { requireFree } from "./files.ts";
import { type Release, releaseFor, type ToolSpec, UNVERIFIED } from "./lockSchema.ts";
import { expand } from "./platform.ts";
import { requireRuns } from "./probe.ts";
import { releaseTag, type Staging } from "./store.ts";

/** The download is not the file that the lock names. It is never used, and nothing falls back from it. */
export class ChecksumError extends Error {
  override readonly name = "ChecksumError";
}

/** No usable release could be had; another source may serve. The message is one line. */
export class ReleaseUnavailableError extends Error {
  override readonly name = "ReleaseUnavailableError";
}

interface Archive {
  readonly file: string;
  readonly sha256: string;
}

const RELEASE_DISK_BYTES = 1.5 * 1024 ** 3;

/** Downloads of one run: an archive that serves several tools is fetched once. */
export class ReleaseStore {
  readonly #context: Context;
  readonly #folder: string;
  readonly #archives = new Map<string, Promise<Archive>>();

  constructor(context: Context) {
    this.#context = context;
    this.#folder = join(context.cacheDir, "downloads", String(process.pid));
  }

  /**
   * Puts the tool's release binaries into the staging's `binDir` and returns the archive's SHA-256.
   * Throws ChecksumError, or ReleaseUnavailableError when the release cannot be reached, does not exist for
   * this platform, cannot be unpacked or does not run here.
   */
  async install(
    name: string,
    spec: ToolSpec,
    staging: Staging,
    update: (detail: string) => void,
  ): Promise<string> {
    const { platform } = this.#context;
    const release = releaseFor(spec, platform);
    if (release === undefined) throw new ReleaseUnavailableError(`no release is published for ${platform}`);
    const url = expand(release.url, releaseTag(spec), platform);
    const archive = await this.#fetch(url, update);
    this.#verify(name, url, archive.sha256, release.sha256[platform] ?? UNVERIFIED);
    try {
      await this.#unpack(name, spec, release, archive.file, staging);
      await requireRuns(this.#context, join(staging.binDir, name), spec);
    } catch (error) {
      if (!(error instanceof ExecError)) throw error;
      throw new ReleaseUnavailableError(
        `${url} is damaged or does not run here: ${firstLine(error.message)}`,
      );
    }
    return archive.sha256;
  }

  /** Removes this run's downloads, and those of runs that were killed. */
  close(): void {
    const parent = join(this.#context.cacheDir, "downloads");
    rmSync(this.#folder, { recursive: true, force: true });
    if (!existsSync(parent)) return;
    for (const pid of readdirSync(parent)) {
      if (!isRunning(Number(pid))) rmSync(join(parent, pid), { recursive: true, force: true });
    }
  }

  #fetch(url: string, update: (detail: string) => void): Promise<Archive> {
    const known = this.#archives.get(url);
    if (known !== undefined) return known;
    requireFree(this.#context.cacheDir, RELEASE_DISK_BYTES, "A release download");
    mkdirSync(this.#folder, { recursive: true });
    const file = join(this.#folder, `${this.#archives.size}-${basename(new URL(url).pathname)}`);
    const archive = this.#download(url, file, update);
    this.#archives.set(url, archive);
    return archive;
  }

  async #download(url: string, file: string, update: (detail: string) => void): Promise<Archive> {
    const mib = (bytes: number): string => (bytes / 1024 ** 2).toFixed(0);
    const onProgress = (bytes: number, total: number | undefined): void =>
      update(`${mib(bytes)} of ${total === undefined ? "?" : mib(total)} MiB`);
    try {
      return { file, sha256: await this.#context.download(url, file, { onProgress }) };
    } catch (error) {
      if (error instanceof DownloadError) throw new ReleaseUnavailableError(error.message);
      throw error;
    }
  }

  #verify(name: string, url: string, actual: string, expected: string): void {
    if (expected === UNVERIFIED) {
      this.#context.log.info(
        `  ${name}: the lock has no checksum for this download; accepted unverified, sha256 ${actual}`,
      );
    } else if (actual !== expected) {
      throw new ChecksumError(
        `${name}: wrong checksum of ${url}\n  expected sha256 ${expected}\n  actual   sha256 ${actual}\n` +
          "  The download was not used. Either something between here and the server changed it (try another\n" +
          "  network), or the release was replaced: compare with the checksum that its project publishes before\n" +
          "  you change tools/toolchain/lock.json.",
      );
    }
  }

  async #unpack(
    name: string,
    spec: ToolSpec,
    release: Release,
    archive: string,
    { binDir, workDir }: Staging,
  ): Promise<void> {
    if (release.format === "binary") {
      copyFileSync(archive, join(binDir, name));
      chmodSync(join(binDir, name), 0o755);
      return;
    }
    // macOS's tar reads zip archives too, and only macOS releases are zipped.
    await this.#context.exec("tar", ["-xf", archive, "-C", workDir, "--no-same-owner"]);
    for (const template of release.members) {
      const member = expand(template, releaseTag(spec), this.#context.platform);
      const source = join(workDir, member);
      if (!existsSync(source)) {
        throw new ReleaseUnavailableError(`${basename(archive)} does not contain ${member}`);
      }
      renameSync(source, join(binDir, basename(member)));
      chmodSync(join(binDir, basename(member)), 0o755);
    }
  }
}

function firstLine(text: string): string {
  return text.replace(/\s*\n\s*/g, "; ").slice(0, 300);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
