/** Whether a version's files are whole in the object store. */
import { type ObjectStore, readManifest, type ServedVersion } from "@mlops/registry";

/**
 * Checks that the manifest is the one that the record names, and that every file that it lists is there in its
 * size. Versions never change, so one that was found complete is not looked at again.
 */
export class Completeness {
  readonly #store: ObjectStore;
  readonly #complete = new Set<string>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** @throws Error saying what is missing or different: then the version must not be loaded. */
  async check({ servedName, artifact }: ServedVersion): Promise<void> {
    const { prefix, sha256 } = artifact;
    const identity = `${prefix}@${sha256}`;
    if (this.#complete.has(identity)) return;
    const found = await readManifest(this.#store, prefix);
    if (found === undefined)
      throw new Error(`${servedName} is not complete: it has no manifest below ${prefix}`);
    if (found.sha256 !== sha256) {
      throw new Error(`${servedName}: the manifest below ${prefix} is not the one that the record names`);
    }
    const sizes = new Map((await this.#store.list(`${prefix}/`)).map(({ key, size }) => [key, size]));
    const wrong = found.manifest.files.filter(({ path, size }) => sizes.get(`${prefix}/${path}`) !== size);
    if (wrong.length > 0) {
      throw new Error(
        `${servedName} is damaged: missing or cut off: ${wrong.map(({ path }) => path).join(", ")}`,
      );
    }
    this.#complete.add(identity);
  }
}
