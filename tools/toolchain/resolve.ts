import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { type LockOwner, withLock } from "../lib/lockfile.ts";
import { formatElapsed } from "../lib/log.ts";
import type { Context } from "./context.ts";
import { buildTool, findGo, type GoCommand, goProblem } from "./goBuild.ts";
import { releaseFor, type ToolSpec } from "./lockSchema.ts";
import { expand } from "./platform.ts";
import { candidatesOnPath, executablesOnPath } from "./probe.ts";
import { ReleaseStore, ReleaseUnavailableError } from "./release.ts";
import { rememberAttempt, triedRecently, writeStandIn } from "./standIn.ts";
import { buildDir, installedBinary, installInto, releaseDir, releaseTag } from "./store.ts";

export type Source = "path" | "release" | "build" | "stand-in";

/** A tool that can be used now. */
export interface Resolved {
  readonly name: string;
  readonly spec: ToolSpec;
  readonly path: string;
  readonly source: Source;
  readonly version: string;
}

/** A tool that no source supplies. The message names it, why each source failed, and how to get it. */
export class UnobtainableError extends Error {
  override readonly name = "UnobtainableError";
}

/** Finds the tool where it already is: on PATH, else installed before. Nothing is fetched or built. */
export async function findPresent(
  context: Context,
  name: string,
  spec: ToolSpec,
): Promise<Resolved | undefined> {
  const onPath = await findOnPath(context, name, spec);
  if (onPath !== undefined) return onPath;
  const release = releaseDir(context, name, spec);
  const downloaded = release && installedBinary(context, name, spec, release);
  if (downloaded) return { name, spec, path: downloaded, source: "release", version: releaseTag(spec) };
  const built = spec.go && installedBinary(context, name, spec, buildDir(context, name, spec, spec.go));
  if (built) return { name, spec, path: built, source: "build", version: spec.buildVersion ?? spec.version };
  if (spec.plugin?.standIn === undefined || !triedRecently(context, name)) return undefined;
  return standIn(context, name, spec, spec.plugin.standIn);
}

async function findOnPath(context: Context, name: string, spec: ToolSpec): Promise<Resolved | undefined> {
  if (spec.beside !== undefined) {
    const other = context.lock.tools[spec.beside];
    const host = other && (await findOnPath(context, spec.beside, other));
    if (host === undefined) return undefined;
    const folders = [dirname(host.path), dirname(realpathSync(host.path))];
    const path = executablesOnPath({ ...context, searchPath: folders }, name)[0];
    return path === undefined ? undefined : { name, spec, path, source: "path", version: host.version };
  }
  const found = (await candidatesOnPath(context, name, spec)).find((candidate) => candidate.fitting);
  if (found?.version === undefined) return undefined;
  return { name, spec, path: found.path, source: "path", version: found.version };
}

function standIn(context: Context, name: string, spec: ToolSpec, folder: string): Resolved {
  const path = writeStandIn(context, name, folder);
  return { name, spec, path, source: "stand-in", version: spec.version };
}

/** Fetches or builds tools that findPresent did not find. One per run: it shares downloads and builds. */
export class Obtainer {
  readonly #context: Context;
  readonly #releases: ReleaseStore;
  #go: Promise<GoCommand> | undefined;
  #builds: Promise<unknown> = Promise.resolve();

  constructor(context: Context) {
    this.#context = context;
    this.#releases = new ReleaseStore(context);
  }

  /** Removes this run's downloads. */
  close(): void {
    this.#releases.close();
  }

  /**
   * Release download, else build, else stand-in. Holds the tool's lock, so that of two runs at once one works
   * and the other waits and finds the result. Throws ChecksumError, UnobtainableError, or the build's error.
   */
  async obtain(name: string, spec: ToolSpec): Promise<Resolved> {
    const onWait = (owner: LockOwner): void =>
      this.#context.log.info(`  ${name}: another run (process ${owner.pid}) is installing it; waiting`);
    const lock = join(this.#context.cacheDir, "locks", name);
    return await withLock(
      lock,
      async () => (await findPresent(this.#context, name, spec)) ?? (await this.#install(name, spec)),
      { onWait },
    );
  }

  async #install(name: string, spec: ToolSpec): Promise<Resolved> {
    const { log } = this.#context;
    const released = await this.#fromRelease(name, spec);
    if (typeof released !== "string") return released;
    const build = spec.go;
    if (build !== undefined) {
      this.#go ??= findGo(this.#context);
      const go = await this.#go;
      const problem = goProblem(this.#context, go, build);
      if (problem === undefined) {
        log.info(`  ${name}: ${released}; building it from its Go module instead`);
        return await this.#fromBuild(name, spec, build, go);
      }
      throw new UnobtainableError(howToGet(this.#context, name, spec, [released, problem]));
    }
    if (spec.plugin?.standIn === undefined) {
      throw new UnobtainableError(howToGet(this.#context, name, spec, [released]));
    }
    log.info(`  ${name}: ${released}; ${spec.plugin.standIn} stands in for it (tried again after a day)`);
    rememberAttempt(this.#context, name, released);
    return standIn(this.#context, name, spec, spec.plugin.standIn);
  }

  /** The installed release, or one line that says why there is none. */
  async #fromRelease(name: string, spec: ToolSpec): Promise<Resolved | string> {
    const folder = releaseDir(this.#context, name, spec);
    if (folder === undefined) return `no release is published for ${this.#context.platform}`;
    const start = performance.now();
    const title = `${name} ${releaseTag(spec)}`;
    try {
      const path = await this.#context.log.track(`${title}: downloading`, (update) =>
        installInto(this.#context, name, folder, async (staging) => ({
          archiveSha256: await this.#releases.install(name, spec, staging, update),
        })),
      );
      this.#context.log.info(`  done ${title}: downloaded (${formatElapsed(performance.now() - start)})`);
      return { name, spec, path, source: "release", version: releaseTag(spec) };
    } catch (error) {
      if (error instanceof ReleaseUnavailableError) return error.message;
      throw error;
    }
  }

  /** One build at a time: each uses all cores by itself. */
  async #fromBuild(
    name: string,
    spec: ToolSpec,
    build: NonNullable<ToolSpec["go"]>,
    go: GoCommand,
  ): Promise<Resolved> {
    const version = spec.buildVersion ?? spec.version;
    const work = async (): Promise<Resolved> => {
      const folder = buildDir(this.#context, name, spec, build);
      const path = await this.#context.log.step(`${name} ${version}: building`, (update) =>
        installInto(this.#context, name, folder, async (staging) => {
          await buildTool(this.#context, go, { name, spec, build }, staging, update);
          return {};
        }),
      );
      return { name, spec, path, source: "build", version };
    };
    const mine = this.#builds.then(work, work);
    this.#builds = mine;
    return await mine;
  }
}

/** What a person can do to get a tool, one line a way. */
export function howToGet(
  context: Context,
  name: string,
  spec: ToolSpec,
  tried: readonly string[] = [],
): string {
  const release = releaseFor(spec, context.platform);
  const rule = spec.onPath;
  const ways = [
    ...(rule !== undefined ? [`put ${name} ${rule.range} on PATH`] : []),
    ...(release === undefined
      ? []
      : [`let this machine reach ${expand(release.url, releaseTag(spec), context.platform)}`]),
    ...(spec.go === undefined ? [] : ["install Go (go.dev/doc/install) and it is built from its module"]),
  ];
  const reasons = tried.length === 0 ? "" : `: ${tried.join("; ")}`;
  return `${name}${reasons}\n    to get it: ${ways.join(", or ")}`;
}
