import { z } from "zod";
import { type RetryPolicy, retry, TransientError } from "./retry.ts";

const REQUEST_TIMEOUT_MS = 30_000;
/** An artifact may be gigabytes. */
const TRANSFER_TIMEOUT_MS = 600_000;

/** MLflow answered that it will not do something: a bug, a missing object, or a wrong argument. */
export class MlflowError extends Error {
  override readonly name = "MlflowError";
  /** MLflow's own name of the error, e.g. RESOURCE_DOES_NOT_EXIST. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

export interface MlflowRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE" | "PUT";
  /** Below the server's address, e.g. `/api/2.0/mlflow/runs/get`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** Instead of `json`; made anew for each attempt, because a stream can be sent once. */
  readonly body?: () => Promise<Blob | ReadableStream>;
  readonly transfer?: boolean;
}

/** Sends requests to one tracking server; each is repeated while the server is away or overloaded. */
export class MlflowHttp {
  readonly #url: string;
  readonly #policy: RetryPolicy | undefined;

  constructor(trackingUri: string, policy?: RetryPolicy) {
    if (!/^https?:\/\//.test(trackingUri)) {
      throw new Error(`MLFLOW_TRACKING_URI must be an http(s) address, not "${trackingUri}"`);
    }
    this.#url = trackingUri.replace(/\/+$/, "");
    this.#policy = policy;
  }

  /** Sends `request` and returns what `read` makes of the answer. */
  send<T>(request: MlflowRequest, read: (answer: Response) => Promise<T>): Promise<T> {
    return retry(async () => {
      const what = `${request.method} ${this.#url}${request.path}`;
      try {
        const answer = await this.#fetch(request);
        if (!answer.ok) throw await refusal(what, answer);
        return await read(answer);
      } catch (error) {
        throw isNetworkError(error)
          ? new TransientError(`${what}: ${reason(error)}`, { cause: error })
          : error;
      }
    }, this.#policy);
  }

  /** Sends `request` and checks that the answer is JSON of this shape. */
  json<Schema extends z.ZodType>(request: MlflowRequest, schema: Schema): Promise<z.infer<Schema>> {
    return this.send(request, async (answer) => {
      const text = await answer.text();
      const parsed = schema.safeParse(jsonOf(text === "" ? "{}" : text));
      if (parsed.success) return parsed.data;
      throw new MlflowError(
        `${request.path} of ${this.#url} answered something else than MLflow 3 does: ` +
          `${text.slice(0, 100)}\n${z.prettifyError(parsed.error)}`,
        "UNEXPECTED_ANSWER",
      );
    });
  }

  async #fetch({ method, path, query, json, body, transfer }: MlflowRequest): Promise<Response> {
    const search = query === undefined ? "" : `?${new URLSearchParams(query)}`;
    const content = json === undefined ? await body?.() : JSON.stringify(json);
    return fetch(`${this.#url}${path}${search}`, {
      method,
      ...(json === undefined ? {} : { headers: { "content-type": "application/json" } }),
      ...(content === undefined ? {} : { body: content, duplex: "half" }),
      signal: AbortSignal.timeout(transfer === true ? TRANSFER_TIMEOUT_MS : REQUEST_TIMEOUT_MS),
    });
  }
}

async function refusal(what: string, answer: Response): Promise<Error> {
  const text = await answer.text();
  const { error_code: code = String(answer.status), message = text.slice(0, 500) } = errorBody(text);
  const full = `${what}: ${message}`;
  // MLflow answers INTERNAL_ERROR where its database or object store is away.
  if (answer.status >= 500 || answer.status === 429) return new TransientError(full);
  return new MlflowError(full, code);
}

function errorBody(text: string): { error_code?: string | undefined; message?: string | undefined } {
  const schema = z.object({ error_code: z.string().optional(), message: z.string().optional() });
  return schema.safeParse(jsonOf(text)).data ?? {};
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` throws a TypeError for everything on the way, with the reason as its cause. */
function isNetworkError(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");
}

function reason(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
