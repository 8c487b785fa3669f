import { parseJson, RefusedError, type ServedVersion, stage } from "@mlops/registry";
import { z } from "zod";
import { type BaseModel, baseModel } from "../lib/adapter.ts";
import type { StepContext } from "../lib/context.ts";
import { claimedVersion, completeManifest, type Deployment, showAliases } from "../lib/deployments.ts";
import { InputError } from "../lib/errors.ts";
import { modelName, number, versionNumber } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";
import { isReady } from "../lib/triton.ts";
import { holdsAdapter } from "../lib/vllm.ts";
import { waitUntil } from "../lib/wait.ts";

const STATUS_TIMEOUT_MS = 2_000;

export const load = defineStep({
  name: "load",
  about: "Makes the version the candidate, and waits until the reconciler has loaded it on every replica.",
  flags: {
    model: modelName,
    version: versionNumber,
    timeout: number("seconds until it must be ready", 120, 1, 3600),
  },
  outputs: {},
  run: async (context, { model, version, timeout }) => {
    const deployment = await claimedVersion(context, model, version);
    const { manifest, sha256 } = await completeManifest(context, deployment);
    const { servedName, prefix, claim, server } = deployment;
    const base = server === "vllm" ? await baseOf(context, deployment) : undefined;
    const candidate: ServedVersion = {
      version,
      servedName,
      artifact: { prefix, sha256 },
      source: claim.source,
      ...(base === undefined ? {} : { base: { model: base.name, revision: base.revision } }),
    };
    const sums = manifest.files.map((file) => file.sha256);
    await context.change(model, (state) => stage(state, candidate, sums));
    context.log(`${servedName} is staged`);
    const { title, urls: variable, isReady } = replicasOf[server];
    const source = context.replicas(variable);
    const check = async (): Promise<string | undefined> => {
      await assertHeld(context, model, servedName);
      const urls = await source();
      if (urls.length === 0) return `no replica of ${title} is running`;
      const awaited = await Promise.all(urls.map((url) => notReady(isReady, url, servedName)));
      const missing = awaited.filter((reason) => reason !== undefined);
      if (missing.length === 0) return undefined;
      return [...missing, ...(await problemsOf(context, model, servedName))].join("; ");
    };
    await waitUntil(`${servedName} ready on every replica`, timeout, check, context.log);
    context.log(`${servedName} is ready on every replica`);
    await showAliases(context, model);
  },
});

/** How the replicas of each server are found, and asked whether they hold a version. */
const replicasOf = {
  triton: { title: "Triton", urls: "MLOPS_TRITON_URLS", isReady },
  vllm: { title: "vLLM", urls: "MLOPS_VLLM_URLS", isReady: holdsAdapter },
} as const;

const adapterMetadata = z.object({ base: baseModel });

/** The base model that an adapter was trained on, as `metadata` wrote it. */
async function baseOf(context: StepContext, { prefix }: Deployment): Promise<BaseModel> {
  const key = `${prefix}/metadata.json`;
  const found = await context.registry.get(key);
  if (found === undefined) throw new InputError(`there is no ${key}; run metadata and upload again`);
  return parseJson(found.body, adapterMetadata, key).base;
}

/** Nobody loads a version that the record does not name any more, so waiting for it would be in vain. */
async function assertHeld(context: StepContext, model: string, servedName: string): Promise<void> {
  const { candidate, live } = await context.record(model);
  if (candidate?.servedName === servedName || live?.servedName === servedName) return;
  throw new RefusedError(
    `${servedName} is not the candidate any more: ${candidate?.servedName ?? "none"} is; it was withdrawn or displaced`,
  );
}

async function notReady(
  isReady: (url: string, servedName: string) => Promise<boolean>,
  url: string,
  servedName: string,
): Promise<string | undefined> {
  try {
    return (await isReady(url, servedName)) ? undefined : `not ready at ${url}`;
  } catch (error) {
    return `${url} cannot be asked: ${(error as Error).message}`;
  }
}

const reconcilerStatus = z.object({
  models: z.record(
    z.string(),
    z.object({ versions: z.record(z.string(), z.object({ problems: z.array(z.string()) })) }),
  ),
});

/** Why the reconciler has not loaded it; nothing if it cannot be asked. */
async function problemsOf(context: StepContext, model: string, servedName: string): Promise<string[]> {
  const url = context.environment.optional("MLOPS_RECONCILER_URL");
  if (url === undefined) return [];
  try {
    const answer = await fetch(new URL("/status", url), { signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) });
    const status = reconcilerStatus.parse(await answer.json());
    return status.models[model]?.versions[servedName]?.problems ?? [];
  } catch (error) {
    return [`the reconciler cannot be asked: ${(error as Error).message}`];
  }
}
