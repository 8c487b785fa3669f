/** Triton with explicit model control: each version is a model of its own name. */
import type { Dispatcher } from "undici";
import { z } from "zod";
import type { Backend } from "./backend.ts";
import { AnswerError, ask } from "./http.ts";

const indexSchema = z.array(z.object({ name: z.string(), state: z.string().optional() }));

/** Source: Triton's model repository extension of the KServe v2 protocol. */
export function tritonBackend(dispatcher: Dispatcher): Backend {
  const isReady = async (url: string, name: string, signal: AbortSignal): Promise<boolean> => {
    const { status } = await ask(dispatcher, `${url}/v2/models/${name}/ready`, { signal });
    return status === 200;
  };
  const control = async (url: string, name: string, action: "load" | "unload", signal: AbortSignal) => {
    const target = `${url}/v2/repository/models/${name}/${action}`;
    const answer = await ask(dispatcher, target, { method: "POST", json: {}, signal });
    if (answer.status !== 200) throw new AnswerError(`${action} ${name}`, answer);
  };
  return {
    server: "triton",
    slots: Number.POSITIVE_INFINITY,
    // Not the repository's index: that reads the object store, and readiness must not depend on it.
    ready: async (url, names, signal) => {
      const { status } = await ask(dispatcher, `${url}/v2/health/live`, { signal });
      if (status !== 200) return new Set();
      const states = await Promise.all(names.map((name) => isReady(url, name, signal)));
      return new Set(names.filter((_, index) => states[index]));
    },
    held: async (url, signal) => {
      const target = `${url}/v2/repository/index`;
      const answer = await ask(dispatcher, target, { method: "POST", json: { ready: true }, signal });
      if (answer.status !== 200) throw new AnswerError("list of loaded models", answer);
      return indexSchema.parse(JSON.parse(answer.text)).map(({ name }) => name);
    },
    load: async (url, { servedName }, signal) => {
      await control(url, servedName, "load", signal);
      // A load can end well while the model is not available: its last version may be still starting.
      if (!(await isReady(url, servedName, signal)))
        throw new Error(`load ${servedName}: not ready after it`);
    },
    unload: (url, servedName, signal) => control(url, servedName, "unload", signal),
  };
}
