/** One attempt to have one replica answer a request. */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Body } from "./body.ts";
import { responseHeaders } from "./headers.ts";
import type { Replica } from "./replicas.ts";

export interface AttemptArgs {
  readonly replica: Replica;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Body | undefined;
  readonly response: ServerResponse;
  /** Added to the answer. */
  readonly answerHeaders: Readonly<Record<string, string>>;
  /** Milliseconds until the first byte of the answer, between two, and until the client takes what has come. */
  readonly timeoutMs: number;
  /** Called at the answer's first byte that goes to the client. */
  readonly onFirstByte: () => void;
}

/** How it ended. Only after `lost` and `lacks` has the client got nothing yet, so another may be asked. */
export type AttemptResult =
  | { readonly kind: "answered"; readonly status: number }
  /** The replica could not be reached, or, if the request was `sent`, the connection broke before the first byte. */
  | { readonly kind: "lost"; readonly sent: boolean; readonly error: Error }
  /** The replica says that it does not have the version, or is going down. */
  | { readonly kind: "lacks"; readonly status: number }
  | { readonly kind: "timeout" }
  /** The connection broke after the first byte: the client sees its answer end in an error. */
  | { readonly kind: "broken"; readonly status: number; readonly error: Error }
  | { readonly kind: "client_gone" };

/** Unknown model (Triton, vLLM); server stopping. Paths are the gateway's own, so 404 means nothing else. */
const lacking = new Set([404, 503]);
const timeouts = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** Sends the request, and passes the answer on as it comes, no faster than the client takes it. Never throws. */
export function attempt(args: AttemptArgs): Promise<AttemptResult> {
  const { promise, resolve } = Promise.withResolvers<AttemptResult>();
  const { replica, response, body, timeoutMs } = args;
  const handler = new Passage(args, resolve);
  const length = body?.kind === "kept" ? body.bytes.length : body?.length;
  if (response.destroyed) resolve({ kind: "client_gone" });
  else {
    replica.pool.dispatch(
      {
        method: args.method,
        path: args.path,
        headers: { ...args.headers, ...(length === undefined ? {} : { "content-length": String(length) }) },
        body: (body?.kind === "kept" ? body.bytes : body?.stream) ?? null,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      },
      handler,
    );
  }
  return promise;
}

class Passage implements Dispatcher.DispatchHandler {
  readonly #args: AttemptArgs;
  readonly #done: (result: AttemptResult) => void;
  #status = 0;
  #started = false;
  #eventStream = false;
  #lacks = false;
  #sent = false;
  #gone = false;
  #ended = false;
  #stalled: NodeJS.Timeout | undefined;

  constructor(args: AttemptArgs, done: (result: AttemptResult) => void) {
    this.#args = args;
    this.#done = done;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { response } = this.#args;
    const leave = (): void => {
      clearTimeout(this.#stalled);
      if (this.#ended) return;
      this.#gone = true;
      controller.abort(new Error("the client went away"));
    };
    // A request waits for a connection, and its client may have gone meanwhile: that is not said a second time.
    if (response.destroyed) {
      leave();
      return;
    }
    this.#sent = true;
    // Never taken away again, see readBody.
    response.on("close", leave);
    response.on("drain", () => {
      clearTimeout(this.#stalled);
      if (!this.#ended) controller.resume();
    });
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#lacks = lacking.has(status);
    if (this.#lacks) return;
    const { response, answerHeaders, onFirstByte } = this.#args;
    this.#started = true;
    this.#eventStream = String(headers["content-type"]).startsWith("text/event-stream");
    onFirstByte();
    response.writeHead(status, { ...responseHeaders(headers), ...answerHeaders });
    // An event stream's headers must not wait for its first event.
    if (headers["content-length"] === undefined) response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#lacks) return;
    const { response, timeoutMs } = this.#args;
    if (response.write(chunk)) return;
    controller.pause();
    // The server's clock stands still meanwhile: a client that takes nothing would hold its version for ever.
    clearTimeout(this.#stalled);
    this.#stalled = setTimeout(() => response.destroy(), timeoutMs);
  }

  onResponseEnd(): void {
    this.#ended = true;
    if (!this.#lacks) this.#args.response.end();
    this.#done({ kind: this.#lacks ? "lacks" : "answered", status: this.#status });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#ended = true;
    this.#done(this.#failure(error));
    if (this.#started && !this.#gone) breakOff(this.#args.response, this.#eventStream);
  }

  #failure(error: Error): AttemptResult {
    if (this.#gone) return { kind: "client_gone" };
    if (this.#lacks) return { kind: "lacks", status: this.#status };
    if (this.#started) return { kind: "broken", status: this.#status, error };
    const timedOut = timeouts.has((error as NodeJS.ErrnoException).code ?? "");
    return timedOut ? { kind: "timeout" } : { kind: "lost", sent: this.#sent, error };
  }
}

/** Ends an answer that has begun so that nobody takes it for a whole one. */
function breakOff(response: ServerResponse, eventStream: boolean): void {
  if (!eventStream) {
    response.destroy();
    return;
  }
  const message = "the server was lost while it answered; ask again";
  const event = { error: { message, type: "upstream_lost", code: "upstream_lost" } };
  // The server may have been lost within an event.
  response.write(`\n\ndata: ${JSON.stringify(event)}\n\n`, () => response.destroy());
}
