import { z } from "zod";
import type { MlflowHttp } from "./http.ts";

const listAnswer = z.object({
  files: z
    .array(
      z.object({ path: z.string(), is_dir: z.boolean().default(false), file_size: z.number().optional() }),
    )
    .default([]),
});

/** Where an artifact belongs: a run's `artifactUri`. */
export interface ArtifactRoot {
  readonly artifactUri: string;
}

/**
 * Artifacts through the tracking server (`mlflow-artifacts`), so that no step needs to know the bucket
 * behind it. Paths are relative to the run.
 */
export class MlflowArtifacts {
  readonly #http: MlflowHttp;

  constructor(http: MlflowHttp) {
    this.#http = http;
  }

  /** undefined if there is no such artifact. */
  read(root: ArtifactRoot, path: string): Promise<Uint8Array | undefined> {
    return this.#ifThere(root, path, async (answer) => new Uint8Array(await answer.arrayBuffer()));
  }

  /** Writes or replaces an artifact. */
  async write(root: ArtifactRoot, path: string, content: Uint8Array): Promise<void> {
    const body = async (): Promise<Blob> => new Blob([Uint8Array.from(content)]);
    await this.#http.send(
      { method: "PUT", path: artifactPath(root, path), body, transfer: true },
      async () => {},
    );
  }

  /** Paths of the files (not the folders) directly in `folder`, relative to it. */
  async list(root: ArtifactRoot, folder: string): Promise<string[]> {
    const query = { path: relativePath(root, folder) };
    const answer = await this.#http.json({ method: "GET", path: artifactsApi, query }, listAnswer);
    return answer.files.filter((file) => !file.is_dir).map((file) => file.path);
  }

  /** The server answers 500 for what its object store does not have, as for a store that is away: so it is listed first. */
  async #ifThere<T>(
    root: ArtifactRoot,
    path: string,
    read: (answer: Response) => Promise<T>,
  ): Promise<T | undefined> {
    const cut = path.lastIndexOf("/");
    const names = await this.list(root, path.slice(0, Math.max(cut, 0)));
    if (!names.includes(path.slice(cut + 1))) return undefined;
    return this.#http.send({ method: "GET", path: artifactPath(root, path), transfer: true }, read);
  }
}

const artifactsApi = "/api/2.0/mlflow-artifacts/artifacts";

function artifactPath(root: ArtifactRoot, path: string): string {
  return `${artifactsApi}/${relativePath(root, path).split("/").map(encodeURIComponent).join("/")}`;
}

function relativePath({ artifactUri }: ArtifactRoot, path: string): string {
  const base = /^mlflow-artifacts:\/(?:\/[^/]+\/)?(.+)$/.exec(artifactUri)?.[1];
  if (base === undefined) {
    throw new Error(
      `artifacts at ${artifactUri} are not passed on by the tracking server; start it with --serve-artifacts and ` +
        "--artifacts-destination",
    );
  }
  return path === "" ? base : `${base}/${path}`;
}
