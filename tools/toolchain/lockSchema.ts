import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { type Platform, platforms } from "./platform.ts";
import { isRange } from "./version.ts";

/** Stands where nobody could check a download yet. */
export const UNVERIFIED = "unverified";

const version = z.string().regex(/^\d+\.\d+\.\d+$/, "an exact version a.b.c");
const httpsUrl = z.string().startsWith("https://");
const digest = z
  .string()
  .regex(/^([0-9a-f]{64}|unverified)$/, "SHA-256 in 64 lower-case hexadecimal digits, or unverified");
const digests = z
  .partialRecord(z.enum(platforms), digest)
  .refine((map) => Object.keys(map).length > 0, "at least one platform");

/** A download. Several tools may name the same URL: it is fetched once. */
const release = z.strictObject({
  /** May hold {version}, {os}, {arch} and {nodeArch}. */
  url: httpsUrl,
  format: z.enum(["binary", "tar.gz", "zip"]),
  /** Files to take out of an archive; the tool's own binary is the first. Empty for a bare binary. */
  members: z.array(z.string()),
  /** SHA-256 of the download. A platform that is not listed has no such release. */
  sha256: digests,
});

const goBuild = z.strictObject({
  /** Folder under tools/toolchain/go that holds go.mod and go.sum. */
  module: z.string(),
  /** Package to build, as an import path or `.`. */
  package: z.string(),
  ldflags: z.array(z.string()),
  /** JSON files of another module, written beside the module's own files before the build. */
  generate: z
    .array(
      z.strictObject({
        fromModule: z.string(),
        file: z.string(),
        to: z.string(),
        /** Top-level fields to set. */
        set: z.record(z.string(), z.string()),
      }),
    )
    .optional(),
});

const tool = z
  .strictObject({
    /** Which stacks need it; `install --group`. */
    group: z.enum(["core", "embedded", "k3d", "bench"]),
    /** Version that a release download or a build supplies, unless `buildVersion` says otherwise. */
    version,
    /** Version that the Go module supplies where it differs from the release's. */
    buildVersion: version.optional(),
    /** The release's own name for `version` where that is not a.b.c (MinIO); goes into {version}. */
    releaseTag: z.string().optional(),
    /** How one that is on PATH is judged; absent: what is on PATH is not considered. */
    onPath: z
      .strictObject({
        range: z.string().refine(isRange, "a range such as >=1.2.0 <2.0.0"),
        /** Arguments that make it print its version. */
        args: z.array(z.string()),
        /** Its groups, joined by dots, are the version. */
        pattern: z.string(),
      })
      .optional(),
    /**
     * A tool that looks for this one in its own folder: this one is taken from PATH only together with it,
     * from the same folder, and otherwise linked into its folder.
     */
    beside: z.string().optional(),
    releases: z.array(release).min(1),
    go: goBuild.optional(),
    /** Set for Pulumi plugins: installed into PULUMI_HOME, not linked into the tool folder. */
    plugin: z
      .strictObject({
        name: z.string(),
        /** Folder, from the checkout's root, whose main.ts serves when the plugin cannot be had. */
        standIn: z.string().optional(),
      })
      .optional(),
  })
  .refine(
    (entry) => entry.releases.every((one) => (one.format === "binary") === (one.members.length === 0)),
    {
      message: "a binary has no members, an archive has at least one",
    },
  );

const lockSchema = z.strictObject({
  /** What tools/bootstrap.sh installs; it reads this block by its layout, one key a line. */
  node: z.strictObject({
    version,
    /** npm packages `node-PLATFORM` and the SHA-512 of their tarballs, in hexadecimal. */
    npm: z.record(z.string(), z.string().regex(/^[0-9a-f]{128}$/)),
    url: httpsUrl,
    sha256: digests,
  }),
  tools: z.record(z.string(), tool),
});

export type Lock = z.infer<typeof lockSchema>;
export type ToolSpec = Lock["tools"][string];
export type Release = ToolSpec["releases"][number];
export type GoBuild = NonNullable<ToolSpec["go"]>;
export type Group = ToolSpec["group"];
export const groups: readonly Group[] = ["core", "embedded", "k3d", "bench"];

export const lockPath = fileURLToPath(new URL("lock.json", import.meta.url));

/** Parses a lock; throws an Error that lists every fault with its place. `name` is used in the message. */
export function parseLock(text: string, name: string): Lock {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is not JSON: ${(error as Error).message}. Restore it with git.`);
  }
  const result = lockSchema.safeParse(json);
  if (result.success) return result.data;
  throw new Error(`${name} is not a valid tool lock:\n${z.prettifyError(result.error)}`);
}

export function readLock(path: string = lockPath): Lock {
  return parseLock(readFileSync(path, "utf8"), path);
}

/** The release for `platform`, or undefined where none is published. */
export function releaseFor(spec: ToolSpec, platform: Platform): Release | undefined {
  return spec.releases.find((release) => release.sha256[platform] !== undefined);
}
