import { z } from "zod";
import type { StepContext } from "./context.ts";
import { waitUntil } from "./wait.ts";

const REQUEST_TIMEOUT_MS = 5_000;
const adminModels = z.record(z.string(), z.object({ epoch: z.int().nonnegative() }));

/**
 * Waits until every gateway replica resolves by this epoch of the record or a later one. From then on no request
 * is sent to what the record does not name.
 */
export async function awaitGateways(
  context: StepContext,
  model: string,
  epoch: number,
  seconds: number,
): Promise<void> {
  const source = context.replicas("MLOPS_GATEWAY_ADMIN_URLS");
  const check = async (): Promise<string | undefined> => {
    const urls = await source();
    if (urls.length === 0) return "no gateway is running";
    const states = await Promise.all(urls.map((url) => behind(url, model, epoch)));
    const awaited = states.filter((state) => state !== undefined);
    return awaited.length === 0 ? undefined : awaited.join("; ");
  };
  await waitUntil(`gateways at epoch ${epoch} of ${model}`, seconds, check, context.log);
}

/** Why this gateway does not count yet. */
async function behind(url: string, model: string, epoch: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/admin/models`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (!answer.ok) return `${url} answers ${answer.status}`;
    const current = adminModels.parse(await answer.json())[model]?.epoch ?? 0;
    return current >= epoch ? undefined : `${url} is at epoch ${current}`;
  } catch (error) {
    return `${url} cannot be asked: ${(error as Error).message}`;
  }
}
