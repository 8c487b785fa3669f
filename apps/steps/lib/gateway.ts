/** What steps ask of models through the gateway, as clients do. */
import { TransientError } from "@mlops/mlflow";
import { z } from "zod";
import { InputError } from "./errors.ts";
import { jsonOf } from "./json.ts";

const REQUEST_TIMEOUT_MS = 120_000;

const completion = z.object({ choices: z.array(z.object({ text: z.string() })).min(1) });

export interface Completion {
  readonly text: string;
  /** The version that answered. */
  readonly servedName: string;
}

export interface CompletionRequest {
  /** Stable name: `<model>`, `<model>-live`, `<model>-candidate`. */
  readonly model: string;
  readonly prompt: string;
  readonly maximumTokens: number;
}

/**
 * Asks once, greedily.
 *
 * @throws InputError if the request cannot be served, above all if its prompt is too long; TransientError if another
 *   attempt may succeed.
 */
export async function complete(url: string, request: CompletionRequest): Promise<Completion> {
  const { model, prompt, maximumTokens } = request;
  const what = `${model} at ${url}`;
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(new URL("/v1/completions", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, prompt, temperature: 0, max_tokens: maximumTokens }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    text = await answer.text();
  } catch (error) {
    throw new TransientError(`${what}: ${reasonOf(error)}`, { cause: error });
  }
  if (answer.status === 400 || answer.status === 413) {
    throw new InputError(`${what} refuses a prompt of ${prompt.length} characters: ${text.slice(0, 300)}`);
  }
  if (!answer.ok) throw new TransientError(`${what} answers ${answer.status}: ${text.slice(0, 300)}`);
  const parsed = completion.safeParse(jsonOf(text));
  const choice = parsed.data?.choices[0];
  if (choice === undefined) {
    throw new TransientError(`${what} answers no completion: ${text.slice(0, 300)}`);
  }
  return { text: choice.text, servedName: answer.headers.get("x-mlops-model-version") ?? "" };
}

/** `fetch` hides the reason in the error's cause. */
export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
