import { CreateBucketCommand, S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import { buckets, type MinioHandover } from "./services.ts";

/** A client of the object store that a handover names. */
export function objectStoreClient(minio: MinioHandover): S3Client {
  return new S3Client({
    endpoint: minio.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey },
    forcePathStyle: true,
  });
}

/** Makes the buckets that are not there yet. */
export async function ensureBuckets(minio: MinioHandover): Promise<void> {
  const client = objectStoreClient(minio);
  try {
    for (const bucket of buckets) {
      try {
        await client.send(new CreateBucketCommand({ Bucket: bucket }));
      } catch (error) {
        if (!(error instanceof S3ServiceException && error.name === "BucketAlreadyOwnedByYou")) throw error;
      }
    }
  } finally {
    client.destroy();
  }
}
