import { PutObjectCommand } from "@aws-sdk/client-s3";
import { objectStoreClient } from "../embedded/objectStore.ts";
import type { MinioHandover } from "../embedded/services.ts";

/** Bucket and folder that Triton reads models from. */
export const modelRepository = { bucket: "model-registry", folder: "triton" } as const;

/**
 * Makes Triton's folder in the object store. Triton does not start while there is no object below it, and the first
 * model comes long after the servers.
 */
export async function ensureModelRepository(minio: MinioHandover): Promise<void> {
  const client = objectStoreClient(minio);
  const { bucket, folder } = modelRepository;
  try {
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: `${folder}/.repository`, Body: new Uint8Array() }),
    );
  } finally {
    client.destroy();
  }
}
