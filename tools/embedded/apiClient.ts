import { Agent, request } from "node:https";

/** What identifies an object to the API server. */
export interface ObjectRef {
  /** Path of the collection, such as `/api/v1/nodes`. */
  readonly collection: string;
  readonly name: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The API server refused a request. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

const TIMEOUT_MS = 10_000;
const FIELD_MANAGER = "mlops-embedded";

/** A client of one HTTPS server on loopback: just what bringing up a cluster needs. */
export interface ApiClient {
  /** The answer whatever its status; throws only if there is none. */
  send(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer>;
  /** The JSON answer; undefined for 404. Throws ApiError for any other refusal. */
  get<T>(path: string): Promise<T | undefined>;
  /** Server-side apply: creates the object or sets the fields that `manifest` names. */
  apply(ref: ObjectRef, manifest: object, subresource?: string): Promise<void>;
  /** Deletes an object; one that is gone already is no error. */
  delete(ref: ObjectRef): Promise<void>;
  close(): void;
}

export interface ClientOptions {
  readonly port: number;
  /** PEM certificate of the authority that signed the server's. */
  readonly authority: string;
  readonly token?: string;
  /** PEM client certificate and key. */
  readonly certificate?: { readonly certificate: string; readonly key: string };
}

export function createApiClient(options: ClientOptions): ApiClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 8,
    ca: options.authority,
    ...(options.certificate === undefined
      ? {}
      : { cert: options.certificate.certificate, key: options.certificate.key }),
  });

  const send: ApiClient["send"] = (method, path, body, contentType = "application/json") => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = { accept: "application/json" };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    if (payload !== undefined) headers["content-type"] = contentType;
    const outgoing = request(
      { agent, host: "127.0.0.1", port: options.port, method, path, headers, timeout: TIMEOUT_MS },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
    outgoing.on("error", reject);
    outgoing.end(payload);
    return promise;
  };

  const checked = async (method: string, path: string, body?: object, type?: string): Promise<Answer> => {
    const answer = await send(method, path, body, type);
    if (answer.status < 400) return answer;
    throw new ApiError(`${method} ${path}: ${answer.status} ${messageOf(answer.body)}`, answer.status);
  };

  return {
    send,
    async get<T>(path: string): Promise<T | undefined> {
      try {
        return JSON.parse((await checked("GET", path)).body) as T;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      }
    },
    async apply(ref, manifest, subresource) {
      const path = [`${ref.collection}/${ref.name}`, ...(subresource === undefined ? [] : [subresource])];
      const query = `fieldManager=${FIELD_MANAGER}&force=true`;
      await checked("PATCH", `${path.join("/")}?${query}`, manifest, "application/apply-patch+yaml");
    },
    async delete(ref) {
      try {
        await checked("DELETE", `${ref.collection}/${ref.name}`);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
    },
    close: () => agent.destroy(),
  };
}

function messageOf(body: string): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? body;
  } catch {
    return body.slice(0, 500);
  }
}
