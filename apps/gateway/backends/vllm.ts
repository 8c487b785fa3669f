/** vLLM with LoRA adapters: each version is an adapter of its own name on one base model. */
import type { Dispatcher } from "undici";
import { z } from "zod";
import type { Backend } from "./backend.ts";
import { AnswerError, ask } from "./http.ts";

/** A base model has no parent; adapters have it as theirs. */
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), parent: z.string().nullish() })) });

export interface VllmOptions {
  /** Folder in which every replica finds adapters by their served names. */
  readonly adapterDir: string;
  /** `--max-loras` of the servers. */
  readonly slots: number;
}

/** Source: vLLM's documentation of LoRA adapters at run time; needs VLLM_ALLOW_RUNTIME_LORA_UPDATING. */
export function vllmBackend(dispatcher: Dispatcher, { adapterDir, slots }: VllmOptions): Backend {
  const held = async (url: string, signal: AbortSignal): Promise<string[]> => {
    const answer = await ask(dispatcher, `${url}/v1/models`, { signal });
    if (answer.status !== 200) throw new AnswerError("list of adapters", answer);
    const { data } = modelsSchema.parse(JSON.parse(answer.text));
    return data.filter(({ parent }) => typeof parent === "string").map(({ id }) => id);
  };
  const control = async (url: string, action: string, json: object, signal: AbortSignal): Promise<void> => {
    const answer = await ask(dispatcher, `${url}/v1/${action}_lora_adapter`, {
      method: "POST",
      json,
      signal,
    });
    if (answer.status !== 200) throw new AnswerError(`${action} adapter`, answer);
  };
  return {
    server: "vllm",
    slots,
    held,
    ready: async (url, names, signal) => {
      const loaded = await held(url, signal);
      return new Set(names.filter((name) => loaded.includes(name)));
    },
    load: async (url, { servedName }, signal) => {
      // vLLM refuses a second load of one name, and a reload would mix two versions' caches.
      if ((await held(url, signal)).includes(servedName)) return;
      await control(url, "load", { lora_name: servedName, lora_path: `${adapterDir}/${servedName}` }, signal);
    },
    unload: async (url, servedName, signal) => {
      if (!(await held(url, signal)).includes(servedName)) return;
      await control(url, "unload", { lora_name: servedName }, signal);
    },
  };
}
