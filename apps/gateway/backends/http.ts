/** Small requests to servers' administrative APIs. */
import { Agent, type Dispatcher, request } from "undici";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The server was reached, and said no. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
  readonly status: number;
  constructor(what: string, { status, text }: Answer) {
    super(`${what}: status ${status}, ${errorText(text)}`);
    this.status = status;
  }
}

/**
 * For looks at servers: each on a connection of its own, as a new client would make it. A Triton that ends takes no new
 * connections but answers on those it has, and waits for them.
 */
export function probingAgent(connectTimeoutMs: number): Agent {
  return new Agent({ pipelining: 0, connect: { timeout: connectTimeoutMs } });
}

/** One request; an answer of any status is returned. */
export async function ask(
  dispatcher: Dispatcher,
  url: string,
  options: {
    readonly method?: "GET" | "POST";
    readonly json?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<Answer> {
  const { json, headers, signal } = options;
  const { statusCode, body } = await request(url, {
    dispatcher,
    method: options.method ?? "GET",
    signal,
    headers: { ...headers, ...(json === undefined ? {} : { "content-type": "application/json" }) },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  return { status: statusCode, text: await body.text() };
}

/** `error` of a JSON answer, in the forms that Triton and vLLM give it, else the start of the text. */
function errorText(text: string): string {
  try {
    const parsed = JSON.parse(text) as { error?: unknown; message?: unknown };
    const { error, message } = parsed;
    if (typeof error === "string") return error;
    if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
    if (typeof message === "string") return message;
  } catch {
    // Not JSON: the text itself.
  }
  return text.slice(0, 500) || "no further text";
}
