/** Headers that end at the gateway (RFC 9110, section 7.6.1), or that it states itself. */
import type { IncomingHttpHeaders } from "node:http";

const ofOneConnection = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const ofRequests = new Set([...ofOneConnection, "host", "expect", "content-length"]);

type Headers = Record<string, string | string[]>;

/** What goes on to the server; its length is stated anew from the body. */
export function requestHeaders(headers: IncomingHttpHeaders): Headers {
  return without(headers, ofRequests);
}

/** What goes back to the client. */
export function responseHeaders(headers: IncomingHttpHeaders): Headers {
  return without(headers, ofOneConnection);
}

function without(headers: IncomingHttpHeaders, ending: ReadonlySet<string>): Headers {
  const named = headers.connection?.toLowerCase().split(",") ?? [];
  const passed: Headers = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || ending.has(name)) continue;
    if (named.length > 0 && named.some((other) => other.trim() === name)) continue;
    passed[name] = value;
  }
  return passed;
}
