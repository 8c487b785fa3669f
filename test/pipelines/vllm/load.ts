/** Clients that ask for completions all the while, half of them for streams, and remember every answer. */

/** How a request ended. */
export type Outcome =
  | "answered"
  /** A stream that had begun, and ended in the gateway's explicit error. */
  | "broken-off"
  /** Anything else. */
  | "failed";

/** One request, by the clock of `performance.now()`. */
export interface Asked {
  readonly stream: boolean;
  readonly sentAt: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  /** Version that the gateway names. */
  readonly version: string | null;
  /** What the answer itself proves: every word that it holds. */
  readonly words: readonly string[];
  readonly error: string | undefined;
}

export interface Load {
  readonly asked: readonly Asked[];
  /** Resolves once `count` more requests have ended. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Of every answer but those that a test wants to be long. */
const TOKENS = 12;

/** Asks `model` by `clients` at once, each again as soon as it is answered. */
export function startLoad(gateway: string, model: string, clients: number): Load {
  const asked: Asked[] = [];
  let going = true;
  const client = async (index: number): Promise<void> => {
    for (let count = 0; going; count++) {
      asked.push(await ask(gateway, model, `question ${index} ${count}`, index % 2 === 0));
    }
  };
  const ended = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return {
    asked,
    more: async (count) => {
      const enough = asked.length + count;
      while (asked.length < enough) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    stop: async () => {
      going = false;
      await ended;
    },
  };
}

/** One request; `onBegin` is called when the first part of its answer has come. */
export async function ask(
  gateway: string,
  model: string,
  prompt: string,
  stream: boolean,
  tokens = TOKENS,
  onBegin: () => void = () => {},
): Promise<Asked> {
  const sentAt = performance.now();
  let version: string | null = null;
  let text = "";
  const end = (outcome: Outcome, words: readonly string[], error?: string): Asked => {
    return { stream, sentAt, endedAt: performance.now(), outcome, version, words, error };
  };
  try {
    const response = await fetch(`${gateway}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, prompt, stream, max_tokens: tokens, temperature: 0 }),
    });
    version = response.headers.get("x-mlops-model-version");
    if (!response.ok) return end("failed", [], `status ${response.status}: ${await response.text()}`);
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      if (text === "") onBegin();
      text += decoder.decode(chunk, { stream: true });
    }
    const words = wordsOf(text, stream, tokens);
    return words === undefined ? end("failed", [], `not whole: ${text}`) : end("answered", words);
  } catch (error) {
    const explicit = text.includes('"type":"upstream_lost"');
    const reason = `${(error as Error).message}: ${((error as Error).cause as Error | undefined)?.message}`;
    return end(explicit ? "broken-off" : "failed", [], reason);
  }
}

/** Every word of a whole answer; undefined if it is not whole. */
function wordsOf(text: string, stream: boolean, tokens: number): string[] | undefined {
  const answer = stream ? streamed(text) : (JSON.parse(text) as Completion).choices[0]?.text;
  const words = answer?.split(" ").filter((word) => word !== "");
  return words?.length === tokens ? words : undefined;
}

interface Completion {
  readonly choices: readonly { readonly text: string }[];
}

function streamed(text: string): string | undefined {
  const events = text.split("\n\n").filter((event) => event.startsWith("data: "));
  if (events.at(-1) !== "data: [DONE]") return undefined;
  const parts = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)) as Completion);
  return parts.map(({ choices }) => choices[0]?.text ?? "").join("");
}
