import { RefusedError, stage } from "@mlops/registry";
import { z } from "zod";
import type { StepContext } from "../lib/context.ts";
import { claimedVersion, completeManifest } from "../lib/deployments.ts";
import { modelName, number, versionNumber } from "../lib/flags.ts";
import { defineStep } from "../lib/step.ts";
import { isReady } from "../lib/triton.ts";
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
    const { servedName, prefix, claim } = deployment;
    const candidate = { version, servedName, artifact: { prefix, sha256 }, source: claim.source };
    const sums = manifest.files.map((file) => file.sha256);
    await context.change(model, (state) => stage(state, candidate, sums));
    context.log(`${servedName} is staged`);
    const source = context.replicas("MLOPS_TRITON_URLS");
    const check = async (): Promise<string | undefined> => {
      await assertHeld(context, model, servedName);
      const urls = await source();
      if (urls.length === 0) return "no replica of Triton is running";
      const awaited = await Promise.all(urls.map((url) => notReady(url, servedName)));
      const missing = awaited.filter((reason) => reason !== undefined);
      if (missing.length === 0) return undefined;
      return [...missing, ...(await problemsOf(context, model, servedName))].join("; ");
    };
    await waitUntil(`${servedName} ready on every replica`, timeout, check, context.log);
    context.log(`${servedName} is ready on every replica`);
  },
});

/** Nobody loads a version that the record does not name any more, so waiting for it would be in vain. */
async function assertHeld(context: StepContext, model: string, servedName: string): Promise<void> {
  const { candidate, live } = await context.record(model);
  if (candidate?.servedName === servedName || live?.servedName === servedName) return;
  throw new RefusedError(
    `${servedName} is not the candidate any more: ${candidate?.servedName ?? "none"} is; it was withdrawn or displaced`,
  );
}

async function notReady(url: string, servedName: string): Promise<string | undefined> {
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
