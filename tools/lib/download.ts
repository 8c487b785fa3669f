import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import http from "node:http";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

export interface DownloadOptions {
  /** Milliseconds until the response headers must be there, redirects included. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds without a byte after which the transfer is given up. Default 60 s. */
  readonly stallTimeoutMs?: number;
  /** Called with bytes so far and the total where the server told it. */
  readonly onProgress?: (bytes: number, total: number | undefined) => void;
}

/** A download that got no usable answer. `hostUnreachable`: no answer at all, so other files there fail too. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly hostUnreachable: boolean;
  constructor(message: string, hostUnreachable: boolean) {
    super(message);
    this.hostUnreachable = hostUnreachable;
  }
}

/** Fetches `url` into `file` and returns the SHA-256 of what was written, in hexadecimal. */
export type Download = (url: string, file: string, options?: DownloadOptions) => Promise<string>;

/**
 * Makes a downloader that remembers hosts which gave no answer: the next file from such a host fails at once
 * instead of waiting for another timeout. Honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
 *
 * The downloader follows redirects, refuses answers that did not come by https, removes a partial
 * file, and throws DownloadError for everything that the network or the server is to blame for.
 */
export function createDownload(fetchImpl: typeof fetch = fetch): Download {
  if (process.env.HTTPS_PROXY || process.env.https_proxy) http.setGlobalProxyFromEnv?.();
  const unreachable = new Map<string, string>();
  return async (url, file, options = {}) => {
    const { host } = new URL(url);
    const known = unreachable.get(host);
    if (known !== undefined) throw new DownloadError(`${host}: ${known} (tried before in this run)`, true);
    try {
      return await fetchTo(fetchImpl, url, file, options);
    } catch (error) {
      await rm(file, { force: true });
      if (error instanceof DownloadError && error.hostUnreachable) unreachable.set(host, reason(error));
      throw error;
    }
  };
}

function reason(error: DownloadError): string {
  return error.message.slice(error.message.indexOf(": ") + 2);
}

async function fetchTo(
  fetchImpl: typeof fetch,
  url: string,
  file: string,
  options: DownloadOptions,
): Promise<string> {
  const { host } = new URL(url);
  const abort = new AbortController();
  const response = await connect(fetchImpl, url, abort, options.connectTimeoutMs ?? 10_000);
  if (!response.ok || response.body === null) {
    abort.abort();
    throw new DownloadError(`${url}: the server answered HTTP ${response.status}`, false);
  }
  if (response.url !== "" && !response.url.startsWith("https:")) {
    abort.abort();
    throw new DownloadError(`${url}: redirected to an address without TLS, refused`, false);
  }
  const total = Number(response.headers.get("content-length")) || undefined;
  const hash = createHash("sha256");
  const stallMs = options.stallTimeoutMs ?? 60_000;
  const stalled = (): void => abort.abort(new Error(`no data for ${stallMs / 1000} s`));
  let timer = setTimeout(stalled, stallMs);
  let bytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      clearTimeout(timer);
      timer = setTimeout(stalled, stallMs);
      bytes += chunk.length;
      hash.update(chunk);
      options.onProgress?.(bytes, total);
      done(null, chunk);
    },
  });
  try {
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    await pipeline(body, meter, createWriteStream(file), { signal: abort.signal });
  } catch (error) {
    // A full disk or a missing folder is no fault of the network: it must not look like one.
    if (isFileError(error)) throw error;
    const cause = abort.signal.aborted ? abort.signal.reason : error;
    throw new DownloadError(`${url}: broke off after ${bytes} bytes: ${describe(cause)}`, false);
  } finally {
    clearTimeout(timer);
  }
  if (total !== undefined && response.headers.get("content-encoding") === null && bytes !== total) {
    throw new DownloadError(`${host}: sent ${bytes} of ${total} bytes of ${url}`, false);
  }
  return hash.digest("hex");
}

async function connect(
  fetchImpl: typeof fetch,
  url: string,
  abort: AbortController,
  timeoutMs: number,
): Promise<Response> {
  const { host } = new URL(url);
  const timer = setTimeout(() => abort.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    return await fetchImpl(url, { redirect: "follow", signal: abort.signal });
  } catch (error) {
    throw new DownloadError(`${host}: ${describe(error)}`, true);
  } finally {
    clearTimeout(timer);
  }
}

function isFileError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && ["ENOSPC", "EDQUOT", "EACCES", "ENOENT", "EROFS", "EIO"].includes(code);
}

/** `fetch` hides the reason (ENOTFOUND, ECONNREFUSED, certificate) in the error's cause. */
function describe(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause;
  const shown = cause instanceof Error && cause.message !== "" ? cause : error;
  return shown instanceof Error ? shown.message : String(shown);
}
