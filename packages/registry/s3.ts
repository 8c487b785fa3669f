import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { TransientError } from "@mlops/mlflow";
import type { Condition, ListedObject, ObjectStore } from "./objectStore.ts";

export interface BucketSettings {
  readonly bucket: string;
  readonly region: string;
  /** Absent on AWS. With it, the bucket is named in the path, not in the host. */
  readonly endpoint?: string | undefined;
}

const CONNECTION_TIMEOUT_MS = 3_000;
/** A store that sends nothing for this long has broken off. */
const SILENCE_MS = 30_000;
/** Names of errors that come from the way to the store, not from the store. */
const networkErrors =
  /^(ECONN\w+|EPIPE|EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|UND_ERR_\w+|TimeoutError|RequestTimeout)$/;

/**
 * A bucket in S3 or in a store with the same API. Credentials come from where the AWS SDK finds them
 * (environment, or a role of the pod). Every operation is one attempt.
 */
export function s3Bucket({ bucket, region, endpoint }: BucketSettings): ObjectStore {
  const client = new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    // Attempts are counted in one place, `withRetries`.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, socketTimeout: SILENCE_MS },
  });
  const description = `bucket ${bucket}${endpoint === undefined ? "" : ` at ${endpoint}`}`;
  const attempt = async <T>(what: string, action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      throw explain(`${description}: cannot ${what}`, error);
    }
  };
  return {
    description,
    get: (key) =>
      attempt(`read ${key}`, async () => {
        try {
          const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
          // The body can break off on its way, so it is read inside of the attempt.
          const body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
          return { body, etag: answer.ETag ?? "" };
        } catch (error) {
          if (error instanceof S3ServiceException && error.name === "NoSuchKey") return undefined;
          throw error;
        }
      }),
    put: (key, body, condition) =>
      attempt(`write ${key}`, async () => {
        const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...headers(condition) });
        return unlessRefused(async () => (await client.send(command)).ETag ?? "");
      }),
    list: (prefix) => attempt(`list ${prefix}`, () => listAll(client, bucket, prefix)),
    remove: (key) =>
      attempt(`remove ${key}`, async () => {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      }),
  };
}

function headers(condition: Condition | undefined): { IfNoneMatch?: string; IfMatch?: string } {
  if (condition === undefined) return {};
  return "etag" in condition ? { IfMatch: condition.etag } : { IfNoneMatch: "*" };
}

/** undefined if the store answers that the condition does not hold, or that what it names is gone. */
async function unlessRefused<T>(send: () => Promise<T>): Promise<T | undefined> {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error;
    const refused = error.$metadata.httpStatusCode === 412 || error.name === "NoSuchKey";
    if (refused) return undefined;
    throw error;
  }
}

async function listAll(client: S3Client, bucket: string, prefix: string): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }),
    );
    for (const { Key, Size } of page.Contents ?? []) {
      if (Key !== undefined) found.push({ key: Key, size: Size ?? 0 });
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return found;
}

/** A TransientError where another attempt may succeed, else an Error that says what to do. */
function explain(what: string, error: unknown): Error {
  const { name, message, code } = error as Error & { code?: string };
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const text = `${what}: ${message === "" || message === undefined ? name : message}`;
  if (name === "NoSuchBucket") return new Error(`${text}; is the bucket's name right?`, { cause: error });
  if (status === 507 || name === "XMinioStorageFull") {
    return new Error(`${text}; the object store is full: free space, then run this again`, { cause: error });
  }
  if (status === 403 || name === "CredentialsProviderError") {
    return new Error(`${text}; check credentials and permissions`, { cause: error });
  }
  const passing = status === 409 || status === 429 || (status !== undefined && status >= 500);
  if (passing || networkErrors.test(code ?? "") || networkErrors.test(name)) {
    return new TransientError(text, { cause: error });
  }
  return new Error(text, { cause: error });
}
