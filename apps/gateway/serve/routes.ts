/**
 * What passes the public port, and nothing else: the raw request target must be one of these forms, letter by
 * letter. It is never decoded, joined or normalised, so no encoding of an administrative path can match.
 */

/** What a request asks for. */
export type Route =
  | { readonly kind: "health"; readonly of: "live" | "ready" }
  | { readonly kind: "models" }
  /** One path of the KServe v2 protocol; `suffix` is `/infer`, `/ready` or empty. */
  | { readonly kind: "kserve"; readonly model: string; readonly suffix: "" | "/ready" | "/infer" }
  /** The model is named in the body. */
  | { readonly kind: "openai"; readonly path: "/v1/chat/completions" | "/v1/completions" };

const kserve = /^\/v2\/models\/([a-z0-9](?:[-a-z0-9]{0,126}[a-z0-9])?)(|\/ready|\/infer)$/;

/** The route of a request, or undefined for whatever does not pass. `target` is as it came over the wire. */
export function routeOf(method: string | undefined, target: string | undefined): Route | undefined {
  if (method === "GET") return getRoute(target ?? "");
  if (method === "POST") return postRoute(target ?? "");
  return undefined;
}

function getRoute(target: string): Route | undefined {
  if (target === "/v2/health/live") return { kind: "health", of: "live" };
  if (target === "/v2/health/ready") return { kind: "health", of: "ready" };
  if (target === "/v1/models") return { kind: "models" };
  const route = kserveRoute(target);
  return route?.suffix === "/infer" ? undefined : route;
}

function postRoute(target: string): Route | undefined {
  if (target === "/v1/chat/completions" || target === "/v1/completions")
    return { kind: "openai", path: target };
  const route = kserveRoute(target);
  return route?.suffix === "/infer" ? route : undefined;
}

function kserveRoute(target: string): Extract<Route, { kind: "kserve" }> | undefined {
  const [, model, suffix] = kserve.exec(target) ?? [];
  if (model === undefined) return undefined;
  return { kind: "kserve", model, suffix: suffix as "" | "/ready" | "/infer" };
}
