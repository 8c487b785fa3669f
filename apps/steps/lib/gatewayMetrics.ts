/** What the gateways count of each version, from their metrics. */
import type { Histogram } from "@mlops/gates";

/** Totals since the gateways started. */
export interface VersionTotals {
  readonly requests: number;
  /** Ended without a whole answer, by no fault of the client. */
  readonly errors: number;
  /** Requests that took at most so many seconds, by bound. */
  readonly buckets: ReadonlyMap<number, number>;
}

const REQUEST_TIMEOUT_MS = 5_000;
const NOTHING: VersionTotals = { requests: 0, errors: 0, buckets: new Map() };

/** The metrics' text of every gateway, by URL; an Error if one cannot be asked. */
export async function readGateways(urls: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const texts = await Promise.all(
    urls.map(async (url): Promise<[string, string]> => {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      if (!answer.ok) throw new Error(`${url}/metrics answers ${answer.status}`);
      return [url, await answer.text()];
    }),
  );
  return new Map(texts);
}

/** What one gateway's metrics say of a version. */
export function totalsOf(text: string, version: string): VersionTotals {
  const buckets = new Map<number, number>();
  let requests = 0;
  let errors = 0;
  for (const { name, labels, value } of series(text)) {
    if (labels.version !== version) continue;
    if (name === "mlops_gateway_requests_total") {
      const { code = "" } = labels;
      if (code === "client_gone") continue;
      requests += value;
      if (code.startsWith("5") || code === "broken") errors += value;
    } else if (name === "mlops_gateway_request_duration_seconds_bucket") {
      const bound = labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le);
      buckets.set(bound, value);
    }
  }
  return { requests, errors, buckets };
}

/** What a version did at all gateways between two readings; a gateway that restarted counts from nothing. */
export function trafficBetween(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  version: string,
): VersionTotals {
  let sum = NOTHING;
  for (const [url, text] of after) {
    const now = totalsOf(text, version);
    const then = totalsOf(before.get(url) ?? "", version);
    const since = now.requests < then.requests ? now : minus(now, then);
    sum = plus(sum, since);
  }
  return sum;
}

/** The requests' seconds, each counted in one bucket only. */
export function latencyOf({ buckets }: VersionTotals): Histogram {
  const rising = [...buckets].sort(([a], [b]) => a - b);
  return {
    bounds: rising.map(([bound]) => bound).filter(Number.isFinite),
    counts: rising.map(([, count], index) => count - (rising[index - 1]?.[1] ?? 0)),
  };
}

function minus(now: VersionTotals, then: VersionTotals): VersionTotals {
  const buckets = [...now.buckets].map(([bound, count]): [number, number] => [
    bound,
    count - (then.buckets.get(bound) ?? 0),
  ]);
  return {
    requests: now.requests - then.requests,
    errors: now.errors - then.errors,
    buckets: new Map(buckets),
  };
}

function plus(a: VersionTotals, b: VersionTotals): VersionTotals {
  const bounds = new Set([...a.buckets.keys(), ...b.buckets.keys()]);
  const count = (bound: number): number => (a.buckets.get(bound) ?? 0) + (b.buckets.get(bound) ?? 0);
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    buckets: new Map([...bounds].map((bound) => [bound, count(bound)])),
  };
}

interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Prometheus' text format, as far as the gateway writes it. */
function* series(text: string): Generator<Series> {
  for (const line of text.split("\n")) {
    const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === "") continue;
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
      key,
      text,
    ]);
    yield { name, labels: Object.fromEntries(pairs), value: Number(value) };
  }
}
