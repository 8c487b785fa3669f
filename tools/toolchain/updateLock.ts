import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Download, DownloadError } from "../lib/download.ts";
import type { Log } from "../lib/log.ts";
import { writeFileAtomic } from "./files.ts";
import { type Lock, parseLock, UNVERIFIED } from "./lockSchema.ts";
import { expand, type Platform } from "./platform.ts";

/** One checksum of the lock. */
interface Entry {
  readonly label: string;
  readonly url: string;
  readonly platform: Platform;
  /** The object of the parsed lock that holds the checksum under `platform`. */
  readonly holder: Partial<Record<Platform, string>>;
}

export interface LockUpdate {
  /** Labels of the checksums that were filled. */
  readonly filled: readonly string[];
  /** Labels of those that stay unverified, with the reason. */
  readonly unverified: readonly { readonly label: string; readonly reason: string }[];
}

/**
 * Downloads every release whose checksum is `unverified` and returns the lock's text with the checksums filled
 * in, all else untouched. A checksum that is there is never changed: remove it by hand (write
 * `unverified`) when a version is raised. What cannot be downloaded stays `unverified` and is reported.
 */
export async function fillChecksums(
  text: string,
  name: string,
  download: Download,
  log: Log,
): Promise<{ text: string; update: LockUpdate }> {
  const lock = parseLock(text, name);
  const entries = listEntries(lock).filter((entry) => entry.holder[entry.platform] === UNVERIFIED);
  const folder = mkdtempSync(join(tmpdir(), "mlops-lock-"));
  const known = new Map<string, string>();
  const filled: string[] = [];
  const unverified: { label: string; reason: string }[] = [];
  try {
    for (const { label, url, platform, holder } of entries) {
      try {
        const digest =
          known.get(url) ??
          (await log.track(`${label}: ${url}`, () => download(url, join(folder, "download"))));
        known.set(url, digest);
        holder[platform] = digest;
        filled.push(label);
        log.info(`  ${label}: ${digest}`);
      } catch (error) {
        if (!(error instanceof DownloadError)) throw error;
        unverified.push({ label, reason: error.message });
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { text: replaceUnverified(text, name, lock), update: { filled, unverified } };
}

/** Fills the checksums of the lock file `path`; it is replaced in one step, or not at all. */
export async function updateLockFile(
  path: string,
  text: string,
  download: Download,
  log: Log,
): Promise<LockUpdate> {
  const result = await fillChecksums(text, path, download, log);
  if (result.text !== text) writeFileAtomic(path, result.text);
  return result.update;
}

/** Every checksum in the order in which it stands in the file. */
function listEntries(lock: Lock): Entry[] {
  const entriesOf = (label: string, url: string, tag: string, holder: Entry["holder"]): Entry[] =>
    (Object.keys(holder) as Platform[]).map((platform) => ({
      label: `${label} ${platform}`,
      url: expand(url, tag, platform),
      platform,
      holder,
    }));
  const node = entriesOf("node", lock.node.url, lock.node.version, lock.node.sha256);
  const tools = Object.entries(lock.tools).flatMap(([tool, spec]) =>
    spec.releases.flatMap((release) =>
      entriesOf(tool, release.url, spec.releaseTag ?? spec.version, release.sha256),
    ),
  );
  return [...node, ...tools];
}

/** Works on the text, not on a new rendering, so that the file keeps its layout and a diff shows checksums only. */
function replaceUnverified(text: string, name: string, lock: Lock): string {
  const before = listEntries(parseLock(text, name)).filter(
    (entry) => entry.holder[entry.platform] === UNVERIFIED,
  );
  const values = new Map(listEntries(lock).map((entry) => [entry.label + entry.url, entry]));
  let index = 0;
  const updated = text.replace(/(":\s*")unverified"/g, (_whole, start: string) => {
    const entry = before[index++];
    const value = entry && values.get(entry.label + entry.url)?.holder[entry.platform];
    return `${start}${value ?? UNVERIFIED}"`;
  });
  if (!isDeepStrictEqual(parseLock(updated, name), lock)) {
    throw new Error(`${name}: checksums could not be written in place; the file was left as it is`);
  }
  return updated;
}
