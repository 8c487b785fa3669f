/** Keys of the model-registry bucket. */
import type { Server } from "./record.ts";

export const keys = {
  records: "state/",
  record: (model: string): string => `state/${model}.json`,
  claims: (model: string): string => `versions/${model}/`,
  claim: (model: string, version: number): string => `versions/${model}/${version}`,
} as const;

/** Folder of each server's versions. */
export const folders = { triton: "triton", vllm: "lora" } as const satisfies Record<Server, string>;

/** What vLLM reads of a LoRA adapter's folder. */
export const adapterFiles = {
  config: "adapter_config.json",
  weights: "adapter_model.safetensors",
} as const;

/** Name under which servers load a version. */
export function servedName(model: string, version: number): string {
  return `${model}-v${version}`;
}

/** Prefix of a version's files, without a slash at its end. */
export function versionPrefix(server: Server, name: string): string {
  return `${folders[server]}/${name}`;
}
