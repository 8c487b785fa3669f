import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Context } from "./context.ts";
import { readFolder, readJson, shortHash, writeFileAtomic } from "./files.ts";
import { type GoBuild, releaseFor, type ToolSpec, UNVERIFIED } from "./lockSchema.ts";
import { expand } from "./platform.ts";

/** Written last into an install: a folder without it is half an install and is not used. */
const stampSchema = z.object({
  /** SHA-256 of the release archive; absent for a build. */
  archiveSha256: z.string().optional(),
  /** Size in bytes of every file in bin. */
  files: z.record(z.string(), z.number()),
});
export type Stamp = z.infer<typeof stampSchema>;

const STAMP = "installed.json";
const PARTIAL = ".partial-";

export function toolDir(context: Context, name: string): string {
  return join(context.cacheDir, "tools", name);
}

/** The version that a release or build of `spec` has, in the form of its own project. */
export function releaseTag(spec: ToolSpec): string {
  return spec.releaseTag ?? spec.version;
}

/** Folder of the release install; its name changes with what is downloaded. undefined: no release here. */
export function releaseDir(context: Context, name: string, spec: ToolSpec): string | undefined {
  const release = releaseFor(spec, context.platform);
  if (release === undefined) return undefined;
  const url = expand(release.url, releaseTag(spec), context.platform);
  return join(toolDir(context, name), `${spec.version}-${shortHash("release", url, ...release.members)}`);
}

/** Folder of the built install; its name changes with every file and flag that goes into the build. */
export function buildDir(context: Context, name: string, spec: ToolSpec, go: GoBuild): string {
  const inputs = readFolder(join(context.goModulesDir, go.module));
  const hash = shortHash("build", context.platform, JSON.stringify(go), ...inputs);
  return join(toolDir(context, name), `${spec.buildVersion ?? spec.version}-${hash}`);
}

/** The binary of a completed install in `folder`, or undefined if there is none that the lock accepts. */
export function installedBinary(
  context: Context,
  name: string,
  spec: ToolSpec,
  folder: string,
): string | undefined {
  const stamp = stampSchema.safeParse(readJson(join(folder, STAMP)));
  if (!stamp.success) return undefined;
  const { archiveSha256, files } = stamp.data;
  const complete = Object.entries(files).every(
    ([file, size]) => statSync(join(folder, "bin", file), { throwIfNoEntry: false })?.size === size,
  );
  if (!complete || files[name] === undefined) return undefined;
  // What was downloaded while the lock had no checksum must match once it has one.
  const expected = releaseFor(spec, context.platform)?.sha256[context.platform] ?? UNVERIFIED;
  if (archiveSha256 !== undefined && expected !== UNVERIFIED && archiveSha256 !== expected) return undefined;
  return join(folder, "bin", name);
}

/** Folders of one install under way; both vanish if it fails. */
export interface Staging {
  /** What lies here in the end is the install. */
  readonly binDir: string;
  /** For whatever is only needed on the way. */
  readonly workDir: string;
}

/**
 * Fills a temporary folder by `produce` and moves it to `folder` in one step, so that a kill at any moment
 * leaves nothing that looks installed. The caller holds the tool's lock; leftovers of killed runs are removed.
 * Returns the path of the binary `name`.
 */
export async function installInto(
  context: Context,
  name: string,
  folder: string,
  produce: (staging: Staging) => Promise<Pick<Stamp, "archiveSha256">>,
): Promise<string> {
  const parent = toolDir(context, name);
  mkdirSync(parent, { recursive: true });
  for (const entry of readdirSync(parent)) {
    // A compiler whose parent was killed may still be writing there, hence the retries.
    if (entry.startsWith(PARTIAL))
      rmSync(join(parent, entry), { recursive: true, force: true, maxRetries: 5 });
  }
  const partial = mkdtempSync(join(parent, PARTIAL));
  try {
    const [binDir, workDir] = [join(partial, "bin"), join(partial, "work")];
    mkdirSync(binDir);
    mkdirSync(workDir);
    const facts = await produce({ binDir, workDir });
    rmSync(workDir, { recursive: true, force: true });
    const files = Object.fromEntries(
      readdirSync(binDir).map((file) => [file, statSync(join(binDir, file)).size]),
    );
    writeFileAtomic(join(partial, STAMP), JSON.stringify({ ...facts, files } satisfies Stamp, null, 2));
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return join(folder, "bin", name);
}
