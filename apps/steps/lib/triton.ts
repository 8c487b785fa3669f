/** What steps ask of Triton's replicas: whether a version is ready, and what it answers. They load nothing. */
import type { FilledTensor } from "@mlops/gates";
import { z } from "zod";

const READY_TIMEOUT_MS = 5_000;
const INFER_TIMEOUT_MS = 30_000;

/** Whether this replica serves `servedName`; an Error if it cannot be asked. */
export async function isReady(url: string, servedName: string): Promise<boolean> {
  const answer = await fetch(`${url}/v2/models/${servedName}/ready`, {
    signal: AbortSignal.timeout(READY_TIMEOUT_MS),
  });
  await answer.body?.cancel();
  return answer.ok;
}

const inferAnswer = z.object({
  outputs: z.array(
    z.object({ name: z.string(), shape: z.array(z.int()), data: z.array(z.number().nullable()) }),
  ),
});

export interface Output {
  readonly shape: readonly number[];
  readonly data: readonly (number | null)[];
}

/**
 * What a version answers to a batch of rows: the output of that name.
 *
 * @throws Error with the server's own words if it refuses, or if it does not answer in the protocol.
 */
export async function infer(
  url: string,
  servedName: string,
  input: FilledTensor,
  output: string,
): Promise<Output> {
  const answer = await fetch(`${url}/v2/models/${servedName}/infer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: [input], outputs: [{ name: output }] }),
    signal: AbortSignal.timeout(INFER_TIMEOUT_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answers ${answer.status} for ${servedName}: ${text.slice(0, 300)}`);
  const found = inferAnswer.parse(JSON.parse(text)).outputs.find((one) => one.name === output);
  if (found === undefined) throw new Error(`${url} answers for ${servedName} without the output ${output}`);
  return found;
}
