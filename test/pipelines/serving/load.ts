/** Clients that ask a stable name all the while, and remember every answer. */

/** One request, by the clock of `performance.now()`. */
export interface Asked {
  readonly sentAt: number;
  readonly endedAt: number;
  /** Status, or 0 when there was no whole answer. */
  readonly status: number;
  /** What the answer itself proves: the number of the version that gave it. */
  readonly token: number | undefined;
  /** Version that the gateway names. */
  readonly version: string | null;
  readonly error: string | undefined;
}

export interface Load {
  readonly asked: readonly Asked[];
  /** Resolves once `count` more requests were answered. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

const body = JSON.stringify({
  inputs: [{ name: "image", shape: [1, 64], datatype: "FP32", data: new Array(64).fill(0.5) }],
});

/** Asks by `clients` at once, each again as soon as it is answered. */
export function startLoad(url: string, clients: number): Load {
  const asked: Asked[] = [];
  let going = true;
  const client = async (): Promise<void> => {
    while (going) asked.push(await ask(url));
  };
  const ended = Promise.all(Array.from({ length: clients }, client));
  return {
    asked,
    more: async (count) => {
      const enough = asked.length + count;
      while (asked.length < enough) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    stop: async () => {
      going = false;
      await ended;
    },
  };
}

async function ask(url: string): Promise<Asked> {
  const sentAt = performance.now();
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    const text = await response.text();
    const version = response.headers.get("x-mlops-model-version");
    const token = response.ok ? tokenOf(text) : undefined;
    const error = response.ok ? undefined : text;
    return { sentAt, endedAt: performance.now(), status: response.status, token, version, error };
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = `${message}: ${(cause as Error | undefined)?.message}`;
    return { sentAt, endedAt: performance.now(), status: 0, token: undefined, version: null, error: reason };
  }
}

function tokenOf(text: string): number | undefined {
  const { outputs } = JSON.parse(text) as { outputs: { name: string; data: number[] }[] };
  return outputs.find(({ name }) => name === "token")?.data[0];
}
