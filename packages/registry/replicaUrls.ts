/** Where the replicas of a server are: listed, or found by DNS. */
import { resolve4 } from "node:dns/promises";

/** Base URLs of the replicas as they are now, in order, without a slash at their end. */
export type ReplicaSource = () => Promise<readonly string[]>;

/** Addresses of a host name; in Kubernetes, of the pods behind a headless Service. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const DNS_SCHEME = "dns+";

/**
 * `http://a:8000,http://b:8000`, or `dns+http://triton.serving:8000`: each address of that name is a replica.
 *
 * @throws Error naming every entry that is no http(s) URL of a host alone.
 */
export function parseReplicaUrls(text: string, resolve: Resolve = resolveAddresses): ReplicaSource {
  const entries = text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  const problems = entries.filter((entry) => originOf(stripDns(entry)) === undefined);
  if (problems.length > 0) {
    throw new Error(`not a URL of a host and port alone: ${problems.join(", ")}; write http://host:port`);
  }
  return async () => {
    const found = await Promise.all(entries.map((entry) => expand(entry, resolve)));
    return [...new Set(found.flat())].sort();
  };
}

async function expand(entry: string, resolve: Resolve): Promise<readonly string[]> {
  const url = new URL(stripDns(entry));
  if (!entry.startsWith(DNS_SCHEME)) return [url.origin];
  const addresses = await resolve(url.hostname);
  return addresses.map((address) => `${url.protocol}//${address}:${url.port || defaultPort(url)}`);
}

function stripDns(entry: string): string {
  return entry.startsWith(DNS_SCHEME) ? entry.slice(DNS_SCHEME.length) : entry;
}

function originOf(entry: string): string | undefined {
  if (!URL.canParse(entry)) return undefined;
  const { protocol, origin, pathname, search, username } = new URL(entry);
  const plain = pathname === "/" && search === "" && username === "";
  return plain && (protocol === "http:" || protocol === "https:") ? origin : undefined;
}

function defaultPort(url: URL): string {
  return url.protocol === "https:" ? "443" : "80";
}

/** A name without addresses is a Service without ready pods: no replicas, no error. */
async function resolveAddresses(host: string): Promise<readonly string[]> {
  try {
    return await resolve4(host);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTFOUND" || code === "ENODATA") return [];
    throw error;
  }
}
