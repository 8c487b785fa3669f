/** A judge behind any endpoint that speaks OpenAI's API with structured output. */
import type { Grade } from "@mlops/gates";
import { type RetryPolicy, retry, retryAfterOf, TransientError } from "@mlops/mlflow";
import { sumOf } from "@mlops/registry";
import { z } from "zod";
import type { Environment } from "../lib/environment.ts";
import { InputError } from "../lib/errors.ts";
import { reasonOf } from "../lib/gateway.ts";
import { jsonOf } from "../lib/json.ts";
import {
  answerSchema,
  type GradedItem,
  itemMessage,
  labellingOf,
  promptSha256,
  systemPrompt,
} from "./prompt.ts";

const REQUEST_TIMEOUT_MS = 120_000;
/** Answers of one grading that may be unreadable before it counts as none. */
const READINGS = 3;

/** Timeout, conflict, too many requests: another attempt may succeed. */
const passing = new Set([408, 409, 429]);

/** Services limit requests a minute, so pauses grow longer than for our own. */
const pauses = { firstDelayMs: 500, maximumDelayMs: 20_000 };

export interface JudgeOptions {
  /** Base URL up to, without, `/chat/completions`; ends in `/v1` for most. */
  readonly url: string;
  readonly model: string;
  readonly apiKey?: string | undefined;
  /** Seconds that it is waited for when it is away. */
  readonly patience: number;
}

/** Where the judge is, from the environment. */
export function judgeOf(environment: Environment, patience: number): JudgeOptions {
  const url = environment.optional("MLOPS_JUDGE_URL");
  const model = environment.optional("MLOPS_JUDGE_MODEL");
  if (url === undefined || model === undefined) {
    throw new InputError(
      "there is no judge: put MLOPS_JUDGE_URL (an endpoint with OpenAI's API, up to /v1), MLOPS_JUDGE_MODEL and, if " +
        "it wants one, MLOPS_JUDGE_API_KEY into the Secret `judge` of the namespace `pipelines`",
    );
  }
  return { url, model, apiKey: environment.optional("MLOPS_JUDGE_API_KEY"), patience };
}

/** Names a grading: what is graded, by whom, and which of several independent gradings it is. */
export function gradingKey(model: string, item: GradedItem, replicate: number): string {
  const { context, question, reference, answer } = item;
  return sumOf(JSON.stringify([model, promptSha256, context, question, reference, answer, replicate]));
}

const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullable() }) })).min(1),
});
const readable = z.object({ label: z.enum(["1", "2", "3"]), reason: z.string() });

export interface Grading {
  /** Null if no answer of the judge could be read. */
  readonly grade: Grade | null;
  readonly reason: string;
}

export class Judge {
  readonly #options: JudgeOptions;
  readonly #policy: RetryPolicy;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#policy = { ...pauses, deadlineMs: 1000 * options.patience };
  }

  get model(): string {
    return this.#options.model;
  }

  /**
   * Grades one answer.
   *
   * @param replicate Gradings of one answer with different numbers are independent.
   * @throws InputError if the judge refuses the request; TransientError if it is away for too long.
   */
  async grade(item: GradedItem, replicate: number): Promise<Grading> {
    const key = gradingKey(this.model, item, replicate);
    const labelling = labellingOf(key);
    const message = itemMessage(item, labelling);
    for (let reading = 0; reading < READINGS; reading++) {
      const seed = Number.parseInt(sumOf(`${key} ${reading}`).slice(0, 7), 16);
      const content = await retry(() => this.#ask(message, seed), this.#policy);
      const parsed = readable.safeParse(jsonOf(content));
      if (parsed.success) return { grade: labelling[parsed.data.label], reason: parsed.data.reason };
    }
    return { grade: null, reason: `no answer of ${READINGS} could be read` };
  }

  async #ask(message: string, seed: number): Promise<string> {
    const { url, model, apiKey } = this.#options;
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${url.replace(/\/+$/, "")}/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        body: JSON.stringify({
          model,
          messages: [
            { role: "system", content: systemPrompt },
            { role: "user", content: message },
          ],
          temperature: 0,
          seed,
          response_format: {
            type: "json_schema",
            json_schema: { name: "grade", strict: true, schema: answerSchema },
          },
        }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      text = await answer.text();
    } catch (error) {
      throw new TransientError(`the judge at ${url}: ${reasonOf(error)}`, { cause: error });
    }
    if (passing.has(answer.status) || answer.status >= 500) {
      const retryAfterMs = retryAfterOf(answer.headers);
      const asks = retryAfterMs === 0 ? "" : ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
      throw new TransientError(`the judge at ${url} answers ${answer.status}${asks}`, { retryAfterMs });
    }
    if (!answer.ok) {
      // Some say which key they were given.
      const said = apiKey === undefined ? text : text.replaceAll(apiKey, "(the key)");
      throw new InputError(
        `the judge at ${url} refuses with ${answer.status}: ${said.slice(0, 300)}; check MLOPS_JUDGE_URL, ` +
          "MLOPS_JUDGE_MODEL and MLOPS_JUDGE_API_KEY, and that it knows structured output (json_schema)",
      );
    }
    return completion.safeParse(jsonOf(text)).data?.choices[0]?.message.content ?? "";
  }
}
