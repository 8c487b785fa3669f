/** From a resolved request to an answer: which replica is asked, and which next if it cannot answer. */
import type { ServerResponse } from "node:http";
import { HttpError } from "./answers.ts";
import { type AttemptResult, attempt } from "./attempt.ts";
import type { Body } from "./body.ts";
import type { Replica, Replicas } from "./replicas.ts";
import type { Resolved } from "./resolve.ts";

export interface ForwardArgs {
  readonly resolved: Resolved;
  readonly replicas: Replicas;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Body | undefined;
  readonly response: ServerResponse;
  readonly timeoutMs: number;
  /** Milliseconds that a request waits until some replica has the version. */
  readonly waitMs: number;
  readonly onFirstByte: () => void;
  readonly onRetry: (result: AttemptResult, replica: Replica) => void;
}

/** Replicas that one request may try. */
const MAXIMUM_ATTEMPTS = 8;
/** Connections that may break under one request: the servers may die of it. */
const MAXIMUM_BREAKS = 3;

/**
 * Has a replica that holds the version answer. Another one is asked only while the client has got nothing, after a
 * connection that was refused or broke, or an answer that says the replica lacks the version: inference changes
 * nothing on a server, so asking twice does no harm. A body that was passed through is sent once.
 *
 * @returns The last attempt's result: `answered`, `broken` or `client_gone`.
 * @throws HttpError 503 when no replica has the version in time, 502 when all attempts failed, 504 on a timeout.
 */
export async function forward(args: ForwardArgs): Promise<AttemptResult> {
  const { resolved, replicas, response, body } = args;
  const { servedName } = resolved.version;
  const deadline = performance.now() + args.waitMs;
  const answerHeaders = { "x-mlops-model-version": servedName, "x-mlops-epoch": String(resolved.epoch) };
  const tried = new Set<Replica>();
  let breaks = 0;
  for (let count = 1; ; count++) {
    const replica = await find(replicas, servedName, tried, deadline, response);
    if (replica === undefined) return { kind: "client_gone" };
    replica.inFlight++;
    const result = await attempt({ ...args, replica, answerHeaders }).finally(() => replica.inFlight--);
    if (result.kind === "timeout") {
      throw new HttpError(504, "upstream_timeout", `${servedName} did not answer in ${args.timeoutMs} ms`);
    }
    if (result.kind !== "lost" && result.kind !== "lacks") return result;
    replicas.suspect(replica, result.kind === "lacks" ? servedName : undefined);
    tried.add(replica);
    if (result.kind === "lost" && result.sent) breaks++;
    if (count === MAXIMUM_ATTEMPTS || breaks === MAXIMUM_BREAKS || body?.kind === "passed") {
      const why = result.kind === "lost" ? "the connection to a server broke" : "a server lacks the version";
      throw new HttpError(502, "upstream_lost", `${servedName}: ${why} (attempt ${count}); ask again`);
    }
    args.onRetry(result, replica);
  }
}

/** undefined if the client goes away meanwhile. */
async function find(
  replicas: Replicas,
  servedName: string,
  tried: Set<Replica>,
  deadline: number,
  response: ServerResponse,
): Promise<Replica | undefined> {
  for (;;) {
    const replica = replicas.pick(servedName, tried);
    if (replica !== undefined) return replica;
    if (tried.size > 0) {
      // Whoever failed before may be asked again once it was found ready anew.
      tried.clear();
      continue;
    }
    if (response.destroyed) return undefined;
    const left = deadline - performance.now();
    if (left <= 0)
      throw new HttpError(503, "no_replica", `no server has ${servedName} ready; try again later`);
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const timer = setTimeout(end, left);
    response.once("close", end);
    await replicas.change(ending.signal);
    clearTimeout(timer);
    response.off("close", end);
  }
}
