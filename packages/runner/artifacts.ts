import { spawn } from "node:child_process";
import { createReadStream, createWriteStream, mkdirSync, rmSync, statSync } from "node:fs";
import { readdir, rename, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

/** Where steps leave files and folders for each other. */
export interface ArtifactStore {
  /** Packs a file or folder and stores it under a key. */
  save(path: string, key: string): Promise<void>;
  /** Unpacks what is stored under a key so that it lies at `path`. */
  load(key: string, path: string): Promise<void>;
}

/**
 * The bucket that steps' environments name, with artifacts as Argo packs them: one gzipped tar each.
 *
 * @param environment variables of a step: AWS_*, MLOPS_BUCKET_MLFLOW_ARTIFACTS
 * @param scratch folder for archives on their way
 * @throws Error naming the variables that are missing.
 */
export function s3Artifacts(environment: Readonly<Record<string, string>>, scratch: string): ArtifactStore {
  const needed = ["MLOPS_BUCKET_MLFLOW_ARTIFACTS", "AWS_REGION"];
  const missing = needed.filter((name) => environment[name] === undefined);
  if (missing.length > 0) throw new Error(`artifacts need ${missing.join(", ")} in the steps' environment`);
  const bucket = environment.MLOPS_BUCKET_MLFLOW_ARTIFACTS as string;
  const endpoint = environment.AWS_ENDPOINT_URL_S3;
  const keyId = environment.AWS_ACCESS_KEY_ID;
  const client = new S3Client({
    region: environment.AWS_REGION as string,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(keyId === undefined
      ? {}
      : { credentials: { accessKeyId: keyId, secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? "" } }),
  });
  const withArchive = async (key: string, use: (archive: string) => Promise<void>): Promise<void> => {
    mkdirSync(scratch, { recursive: true });
    const archive = join(scratch, key.replaceAll("/", "-"));
    try {
      await use(archive);
    } finally {
      rmSync(archive, { force: true });
    }
  };
  return {
    save: (path, key) =>
      withArchive(key, async (archive) => {
        await tar("-czf", archive, "-C", dirname(path), basename(path));
        const length = statSync(archive).size;
        const body = createReadStream(archive);
        await client.send(
          new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: length }),
        );
      }),
    load: (key, path) =>
      withArchive(key, async (archive) => {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        await pipeline(Body as Readable, createWriteStream(archive));
        mkdirSync(path, { recursive: true });
        // The archive holds one entry, by the name that its maker gave it; here it has the consumer's.
        await tar("-xzf", archive, "-C", path);
        await unwrap(path);
      }),
  };
}

/** Puts the one entry of a folder in the folder's place. */
async function unwrap(folder: string): Promise<void> {
  const entries = await readdir(folder);
  const [only] = entries;
  if (only === undefined || entries.length > 1)
    throw new Error(`artifact ${folder} holds ${entries.length} entries`);
  const aside = `${folder}.unpacked`;
  await rename(join(folder, only), aside);
  await rmdir(folder);
  await rename(aside, folder);
}

async function tar(...args: string[]): Promise<void> {
  const child = spawn("tar", args, { stdio: ["ignore", "ignore", "pipe"] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    errors += chunk;
  });
  child.once("error", reject);
  child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`tar: ${errors.trim()}`))));
  await promise;
}
