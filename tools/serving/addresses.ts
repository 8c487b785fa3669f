/** Where what serves models beside the embedded cluster listens, whether it runs or not. */
import type { Handover } from "../embedded/handover.ts";

/** Triton servers beside the cluster: two, so that what one replica alone would hide is seen. */
export const tritonReplicas = ["triton-0", "triton-1"] as const;

/** vLLM servers beside the cluster, likewise. */
export const vllmReplicas = ["vllm-0", "vllm-1"] as const;

/**
 * URLs by service name, as ClusterTarget's `processes` states them; several replicas are separated by commas.
 * Empty for the handover of an older start, which has no ports for them.
 */
export function servingUrls(ports: Handover["ports"]): Record<string, string> {
  const url = (name: string): string | undefined => {
    const port = ports[name];
    return port === undefined ? undefined : `http://127.0.0.1:${port}`;
  };
  const every = (names: readonly string[]): string | undefined =>
    names.flatMap((name) => url(name) ?? []).join(",") || undefined;
  const urls = {
    triton: every(tritonReplicas),
    vllm: every(vllmReplicas),
    gateway: url("gateway"),
    "gateway-admin": url("gateway-admin"),
    reconciler: url("reconciler"),
  };
  const known = Object.entries(urls).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(known);
}
