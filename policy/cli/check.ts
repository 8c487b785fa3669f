import { checkManifest } from "../manifests/findings.ts";
import { type Manifest, parseManifests } from "../manifests/parseManifests.ts";
import { readText, UnreadableError } from "../manifests/readInput.ts";
import type { Report } from "../manifests/report.ts";
import { objectsOf } from "../rules/evaluate.ts";
import type { Context } from "../rules/types.ts";

/** Opens a file, or standard input for `-`. */
export type Open = (file: string) => AsyncIterable<Uint8Array>;

/** Files that could be read, and those that could not, and why. */
export interface ReadFiles {
  readonly read: readonly { readonly file: string; readonly manifests: readonly Manifest[] }[];
  readonly unreadable: Report["unreadable"];
}

/** Reads manifests file by file. One that cannot be read does not stop the others. */
export async function readFiles(files: readonly string[], open: Open): Promise<ReadFiles> {
  const read: { file: string; manifests: Manifest[] }[] = [];
  const unreadable: { file: string; message: string }[] = [];
  for (const file of files) {
    try {
      read.push({ file, manifests: parseManifests(await readText(open(file))) });
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      unreadable.push({ file, message: error.message });
    }
  }
  return { read, unreadable };
}

/** Judges every object of every file. */
export async function checkFiles(files: readonly string[], context: Context, open: Open): Promise<Report> {
  const { read, unreadable } = await readFiles(files, open);
  return {
    findings: read.flatMap(({ file, manifests }) =>
      manifests.flatMap((manifest) => checkManifest(file, manifest, context)),
    ),
    unreadable,
    objects: read.flatMap(({ manifests }) => manifests.flatMap(({ value }) => objectsOf(value))).length,
  };
}
