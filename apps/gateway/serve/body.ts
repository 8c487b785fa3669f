/** Bodies of requests, never more of them in memory than allowed. */
import type { IncomingMessage } from "node:http";
import { HttpError } from "./answers.ts";

export interface BodyLimits {
  /** Bytes up to which a body is kept, so that another replica can be asked; larger ones are passed through. */
  readonly keep: number;
  /** Bytes of the largest body that is accepted. */
  readonly accept: number;
}

/** A kept body can be sent again, a passed one only once. */
export type Body =
  | { readonly kind: "kept"; readonly bytes: Buffer }
  | { readonly kind: "passed"; readonly length: number; readonly stream: IncomingMessage };

/**
 * @throws HttpError 413 above the limit, 411 for a body of unknown length that turns out too large to keep, 400
 *   if the client goes away before its end.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Body> {
  const length = declaredLength(request);
  if (length > limits.accept) throw tooLarge(limits.accept);
  if (length > limits.keep) return { kind: "passed", length, stream: request };
  const tooLong = (): HttpError =>
    new HttpError(411, "length_required", `bodies larger than ${limits.keep} bytes need a Content-Length`);
  return { kind: "kept", bytes: await keep(request, limits.keep, tooLong) };
}

/** Like readBody for bodies that must be read whole: 413 above what is kept. */
export async function readWhole(request: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  if (declaredLength(request) > limits.keep) throw tooLarge(limits.keep);
  return keep(request, limits.keep, () => tooLarge(limits.keep));
}

/** Bytes; 0 if the request does not say. */
function declaredLength(request: IncomingMessage): number {
  return Number(request.headers["content-length"] ?? 0);
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, "body_too_large", `the request's body is larger than ${limit} bytes`);
}

/** @param tooLong What a body is refused with that turns out larger than `limit`. */
function keep(request: IncomingMessage, limit: number, tooLong: () => HttpError): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  let whole = false;
  // Every request closes after its end, and an error collects its stack even if nobody reads it. The listener stays all
  // the same: V8 keeps far more of a request that a listener was taken from over its next collections, which then take
  // 5 to 20 ms instead of 0.5.
  const gone = (): void => {
    if (!whole) reject(new HttpError(400, "body_incomplete", "the request ended before its body"));
  };
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
      return;
    }
    request.pause();
    reject(tooLong());
  });
  request.on("end", () => {
    whole = true;
    const [only = Buffer.alloc(0)] = chunks;
    resolve(chunks.length < 2 ? only : Buffer.concat(chunks, size));
  });
  request.on("error", gone);
  request.on("close", gone);
  return promise;
}
