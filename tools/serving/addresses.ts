/** Where what serves models beside the embedded cluster listens, whether it runs or not. */
import type { Handover } from "../embedded/handover.ts";

/** Triton servers beside the cluster: two, so that what one replica alone would hide is seen. */
export const tritonReplicas = ["triton-0", "triton-1"] as const;

/**
 * URLs by service name, as ClusterTarget's `processes` states them; several replicas are separated by commas.
 * Empty for the handover of an older start, which has no ports for them.
 */
export function servingUrls(ports: Handover["ports"]): Record<string, string> {
  const url = (name: string): string | undefined => {
    const port = ports[name];
    return port === undefined ? undefined : `http://127.0.0.1:${port}`;
  };
  const triton = tritonReplicas.flatMap((name) => url(name) ?? []);
  const urls = {
    triton: triton.length === 0 ? undefined : triton.join(","),
    gateway: url("gateway"),
    "gateway-admin": url("gateway-admin"),
    reconciler: url("reconciler"),
  };
  const known = Object.entries(urls).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(known);
}
