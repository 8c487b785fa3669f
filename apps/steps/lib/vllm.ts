/** What steps ask of vLLM's replicas: which models they hold, and what these answer. They load nothing. */
import type { ProbeAnswer } from "@mlops/gates";
import { z } from "zod";

const READY_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 60_000;

/** A base model has no parent; adapters have it as theirs. */
const modelList = z.object({ data: z.array(z.object({ id: z.string(), parent: z.string().nullish() })) });

export interface HeldModels {
  readonly base: string | undefined;
  readonly adapters: readonly string[];
}

/** The base model and the adapters that a replica holds; an Error if it cannot be asked. */
export async function heldModels(url: string): Promise<HeldModels> {
  const answer = await fetch(`${url}/v1/models`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`${url}/v1/models answers ${answer.status}`);
  const { data } = modelList.parse(await answer.json());
  const isAdapter = ({ parent }: { parent?: string | null | undefined }): boolean =>
    typeof parent === "string";
  return {
    base: data.find((model) => !isAdapter(model))?.id,
    adapters: data.filter(isAdapter).map(({ id }) => id),
  };
}

/** Whether this replica holds the adapter of that name. */
export async function holdsAdapter(url: string, servedName: string): Promise<boolean> {
  return (await heldModels(url)).adapters.includes(servedName);
}

const probed = z.object({
  choices: z
    .array(
      z.object({
        text: z.string(),
        logprobs: z.object({
          tokens: z.array(z.string()),
          token_logprobs: z.array(z.number().nullable()),
        }),
      }),
    )
    .min(1),
});

/**
 * What one replica answers to a prompt, decoded greedily, with the tokens' log-probabilities.
 *
 * @throws Error with the server's own words if it refuses.
 */
export async function probe(
  url: string,
  model: string,
  prompt: string,
  maximumTokens: number,
): Promise<ProbeAnswer> {
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt, temperature: 0, max_tokens: maximumTokens, logprobs: 1 }),
    signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answers ${answer.status} for ${model}: ${text.slice(0, 300)}`);
  const choice = probed.parse(JSON.parse(text)).choices[0];
  if (choice === undefined) throw new Error(`${url} answers for ${model} without a choice`);
  const { tokens, token_logprobs: logprobs } = choice.logprobs;
  return { text: choice.text, tokens, logprobs: logprobs.map((one) => one ?? Number.NEGATIVE_INFINITY) };
}
