/** One version's files from the object store to a folder that vLLM reads. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  adapterFiles,
  type Manifest,
  type ManifestFile,
  type ObjectStore,
  readManifest,
  type ServedVersion,
  sumOf,
} from "@mlops/registry";

/** Begins the names of folders that are not whole yet; no version is called so. */
export const partialPrefix = ".partial-";

/**
 * Puts a version's files below `dir` under its served name, all at once: a reader finds all of them or none.
 *
 * @param maxBytes Size of all files of the largest version that is taken.
 * @throws Error saying what is missing, damaged or too large: then there is no such folder.
 */
export async function download(
  store: ObjectStore,
  { servedName, artifact }: ServedVersion,
  dir: string,
  maxBytes: number,
): Promise<void> {
  const { prefix, sha256 } = artifact;
  const found = await readManifest(store, prefix);
  if (found === undefined)
    throw new Error(`${servedName} is not complete: it has no manifest below ${prefix}`);
  if (found.sha256 !== sha256) {
    throw new Error(`${servedName}: the manifest below ${prefix} is not the one that the record names`);
  }
  const { files } = found.manifest;
  checkFiles(servedName, files, maxBytes);
  const partial = join(dir, `${partialPrefix}${servedName}-${randomUUID()}`);
  try {
    for (const file of files) await fetchFile(store, servedName, prefix, file, partial);
    await writeFile(join(partial, "manifest.json"), found.body);
    const folder = join(dir, servedName);
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function checkFiles(servedName: string, files: readonly ManifestFile[], maxBytes: number): void {
  const missing = Object.values(adapterFiles).filter((path) => files.every((file) => file.path !== path));
  if (missing.length > 0)
    throw new Error(`${servedName} is no adapter: it has no ${missing.join(" and no ")}`);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes <= maxBytes) return;
  throw new Error(
    `${servedName} is too large: ${bytes} bytes, of which at most ${maxBytes} are taken (MLOPS_ADAPTERS_MAX_BYTES)`,
  );
}

async function fetchFile(
  store: ObjectStore,
  servedName: string,
  prefix: string,
  { path, size, sha256 }: ManifestFile,
  folder: string,
): Promise<void> {
  const object = await store.get(`${prefix}/${path}`);
  if (object === undefined) throw new Error(`${servedName} is damaged: ${path} is missing`);
  if (object.body.length !== size || sumOf(object.body) !== sha256) {
    throw new Error(`${servedName} is damaged: ${path} is not what its manifest says; deploy it again`);
  }
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, object.body);
}

/** Whether the folder of a version is there with every file as its manifest says. */
export async function isWhole({ servedName, artifact }: ServedVersion, dir: string): Promise<boolean> {
  const folder = join(dir, servedName);
  try {
    const body = await readFile(join(folder, "manifest.json"));
    if (sumOf(body) !== artifact.sha256) return false;
    const { files } = JSON.parse(body.toString("utf8")) as Manifest;
    for (const { path, sha256 } of files) {
      if (sumOf(await readFile(join(folder, path))) !== sha256) return false;
    }
    return true;
  } catch {
    return false;
  }
}
