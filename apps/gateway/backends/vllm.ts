/** vLLM with LoRA adapters: each version is an adapter of its own name on one base model. */
import type { ServedVersion } from "@mlops/registry";
import type { Dispatcher } from "undici";
import { z } from "zod";
import type { Backend } from "./backend.ts";
import { AnswerError, ask } from "./http.ts";

/** A base model has no parent; adapters have it as theirs. */
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), parent: z.string().nullish() })) });

export interface VllmOptions {
  /** Folder in which every replica finds adapters by their served names. */
  readonly adapterDir: string;
  /** Port of the `adapters` process beside each replica, on the replica's own host. */
  readonly adaptersPort: number;
  /** `--max-loras` of the servers. */
  readonly slots: number;
  /** The word by which the servers know who may load and unload; absent where they do not ask. */
  readonly adminToken?: string | undefined;
}

/** What one replica serves. */
interface Listed {
  /** `--served-model-name`, which is `<base model>@<its revision>`. */
  readonly base: string | undefined;
  readonly adapters: readonly string[];
}

/** Source: vLLM's documentation of LoRA adapters at run time; needs VLLM_ALLOW_RUNTIME_LORA_UPDATING. */
export function vllmBackend(dispatcher: Dispatcher, options: VllmOptions): Backend {
  const { adapterDir, adaptersPort, slots, adminToken } = options;
  const headers = adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` };
  const list = async (url: string, signal: AbortSignal): Promise<Listed> => {
    const answer = await ask(dispatcher, `${url}/v1/models`, { signal });
    if (answer.status !== 200) throw new AnswerError("list of adapters", answer);
    const { data } = modelsSchema.parse(JSON.parse(answer.text));
    const isAdapter = ({ parent }: (typeof data)[number]): boolean => typeof parent === "string";
    return {
      base: data.find((model) => !isAdapter(model))?.id,
      adapters: data.filter(isAdapter).map(({ id }) => id),
    };
  };
  const control = async (url: string, action: string, json: object, signal: AbortSignal): Promise<void> => {
    const answer = await ask(dispatcher, `${url}/v1/${action}_lora_adapter`, {
      method: "POST",
      json,
      headers,
      signal,
    });
    if (answer.status !== 200) throw new AnswerError(`${action} adapter`, answer);
  };
  /** Throws, in the words of who downloads, unless the adapter's files are where the replica reads them. */
  const assertDownloaded = async (url: string, servedName: string, signal: AbortSignal): Promise<void> => {
    const beside = new URL(url);
    beside.port = String(adaptersPort);
    const answer = await ask(dispatcher, `${beside.origin}/versions/${servedName}`, { signal });
    if (answer.status !== 200) throw new AnswerError(`files of ${servedName}`, answer);
  };
  return {
    server: "vllm",
    slots,
    held: async (url, signal) => (await list(url, signal)).adapters,
    ready: async (url, names, signal) => {
      const { adapters } = await list(url, signal);
      return new Set(names.filter((name) => adapters.includes(name)));
    },
    load: async (url, version, signal) => {
      const { servedName } = version;
      const { base, adapters } = await list(url, signal);
      // vLLM refuses a second load of one name, and a reload would mix two versions' caches.
      if (adapters.includes(servedName)) return;
      assertBase(version, base);
      await assertDownloaded(url, servedName, signal);
      await control(url, "load", { lora_name: servedName, lora_path: `${adapterDir}/${servedName}` }, signal);
    },
    unload: async (url, servedName, signal) => {
      if (!(await list(url, signal)).adapters.includes(servedName)) return;
      await control(url, "unload", { lora_name: servedName }, signal);
    },
  };
}

/** An adapter on another base than it was trained on would load if the shapes fit, and answer nonsense. */
function assertBase({ servedName, base }: ServedVersion, serves: string | undefined): void {
  const trained = base === undefined ? undefined : `${base.model}@${base.revision}`;
  if (trained === undefined) throw new Error(`${servedName}: its record does not name its base model`);
  if (trained === serves) return;
  throw new Error(
    `${servedName} was trained on ${trained}, and this server serves ${serves ?? "no base model"}`,
  );
}
