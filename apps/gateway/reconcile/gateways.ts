/** What the gateways say about who still uses what. */

import type { ReplicaSource } from "@mlops/registry";
import type { Dispatcher } from "undici";
import { z } from "zod";
import { ask } from "../backends/http.ts";
import { reasonOf } from "../shared/log.ts";

const reportSchema = z.record(
  z.string(),
  z.object({ epoch: z.int().nonnegative(), inFlight: z.record(z.string(), z.int().nonnegative()) }),
);
type Report = z.infer<typeof reportSchema>;

/** One gateway's report, or why there is none. */
export type GatewayState =
  | { readonly url: string; readonly report: Report }
  | { readonly url: string; readonly error: string };

/** Asks every gateway; one that cannot be asked keeps every version in use. */
export async function askGateways(
  dispatcher: Dispatcher,
  source: ReplicaSource,
  signal: AbortSignal,
): Promise<GatewayState[]> {
  const urls = await source();
  return Promise.all(
    urls.map(async (url): Promise<GatewayState> => {
      try {
        const { status, text } = await ask(dispatcher, `${url}/admin/models`, { signal });
        if (status !== 200) return { url, error: `status ${status}` };
        return { url, report: reportSchema.parse(JSON.parse(text)) };
      } catch (error) {
        return { url, error: reasonOf(error) };
      }
    }),
  );
}

/**
 * Why a version that no record wants any more must stay loaded; undefined once every gateway resolves by the
 * epoch that dropped it, or a later one, and has no request under way on it.
 */
export function reasonToKeep(
  gateways: readonly GatewayState[],
  model: string,
  epoch: number,
  servedName: string,
): string | undefined {
  if (gateways.length === 0) return "no gateway is known that could say that it is not used";
  for (const gateway of gateways) {
    if ("error" in gateway) return `gateway ${gateway.url} cannot be asked (${gateway.error})`;
    const { epoch: acknowledged = 0, inFlight = {} } = gateway.report[model] ?? {};
    if (acknowledged < epoch)
      return `gateway ${gateway.url} is at epoch ${acknowledged}, not yet at ${epoch}`;
    const requests = inFlight[servedName] ?? 0;
    if (requests > 0) return `${requests} requests are under way on it at gateway ${gateway.url}`;
  }
  return undefined;
}
