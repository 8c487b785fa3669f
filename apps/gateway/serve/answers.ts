/** Answers that the gateway gives itself. */
import type { ServerResponse } from "node:http";

/** Why the gateway refuses or could not serve a request. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  /** Short word for metrics and logs. */
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** In the form of the API that was asked: Triton's is a text, OpenAI's an object. */
export function sendError(response: ServerResponse, error: HttpError, openAi: boolean): void {
  const { status, code, message } = error;
  if (status === 503 && !response.headersSent) response.setHeader("retry-after", "1");
  sendJson(response, status, { error: openAi ? { message, type: code, code } : message });
}
