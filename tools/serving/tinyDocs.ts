/** The base model that vLLM beside the embedded cluster serves: small enough to be made here in about a minute. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { GetObjectCommand, PutObjectCommand, S3ServiceException } from "@aws-sdk/client-s3";
import { objectStoreClient } from "../embedded/objectStore.ts";
import type { MinioHandover } from "../embedded/services.ts";
import { exec } from "../lib/exec.ts";
import { withLock } from "../lib/lockfile.ts";
import type { Log } from "../lib/log.ts";
import { cacheDir } from "../lib/paths.ts";
import { ensureTraining, trainingSources } from "../training/environment.ts";

/** A model that adapters are trained on. */
export interface BaseModel {
  readonly name: string;
  /** Stands for the very files. */
  readonly revision: string;
  /** Absolute path of a folder with configuration, weights and tokenizer. */
  readonly folder: string;
}

const name = "tiny-docs";
const sumsFile = "SHA256SUMS";
const bucket = "datasets";

/** The model, pretrained on first use into the shared cache; changed training code makes another one. */
export async function ensureTinyDocs(log: Log): Promise<BaseModel> {
  const models = join(cacheDir(), "models");
  const folder = join(models, `${name}-${sourcesHash()}`);
  if (!existsSync(join(folder, sumsFile))) {
    const python = await ensureTraining(log);
    await mkdir(models, { recursive: true });
    const make = async (): Promise<void> => {
      if (existsSync(join(folder, sumsFile))) return;
      await log.step(`pretrain the base model ${name} into the cache (once)`, (update) =>
        pretrain(python, folder, update),
      );
    };
    await withLock(`${folder}.lock`, make, {
      onWait: ({ pid }) => log.info(`waiting for process ${pid}, which pretrains the base model`),
    });
  }
  const revision = createHash("sha256")
    .update(readFileSync(join(folder, sumsFile)))
    .digest("hex")
    .slice(0, 40);
  return { name, revision, folder };
}

async function pretrain(python: string, folder: string, update: (detail: string) => void): Promise<void> {
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  await exec(python, ["-m", "mlops_training.llm.pretrain_tiny", "--output-dir", partial], {
    env: { PYTHONPATH: trainingSources, PYTHONUNBUFFERED: "1" },
    timeoutMs: 1_800_000,
    onLine: (line) => {
      const step = /^step \d+ of \d+/.exec(line);
      if (step !== null) update(step[0]);
    },
  });
  if (!existsSync(join(partial, sumsFile))) throw new Error(`pretraining left no ${sumsFile} in ${partial}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
}

/** What the model is made from: its maker, with what that imports of its own. */
const sources = [
  "base_files.py",
  "corpus.py",
  "facts.json",
  "fictions.py",
  "pretrain_tiny.py",
  "prompt.py",
  "tiny.py",
];

function sourcesHash(): string {
  const hash = createHash("sha256");
  for (const file of sources) hash.update(readFileSync(join(trainingSources, "mlops_training", "llm", file)));
  return hash.digest("hex").slice(0, 16);
}

/** Puts the model where the training steps find it, unless it is there; its sums last, so that it is whole. */
export async function uploadBase(minio: MinioHandover, base: BaseModel): Promise<void> {
  const client = objectStoreClient(minio);
  const prefix = `base-models/${base.name}`;
  const put = (key: string, body: Uint8Array | string) =>
    client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  const exists = async (key: string): Promise<boolean> => {
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      await Body?.transformToByteArray();
      return true;
    } catch (error) {
      if (error instanceof S3ServiceException && error.name === "NoSuchKey") return false;
      throw error;
    }
  };
  try {
    const files = readdirSync(base.folder).filter((file) => file !== sumsFile);
    if (!(await exists(`${prefix}/${base.revision}/${sumsFile}`))) {
      for (const file of [...files, sumsFile]) {
        await put(`${prefix}/${base.revision}/${file}`, readFileSync(join(base.folder, file)));
      }
    }
    await put(`${prefix}/current`, base.revision);
  } finally {
    client.destroy();
  }
}
