/** The deployment workflow, step by step, as pipelines chain it. */
import { expect } from "vitest";
import type { StepResult } from "../stepRoot.ts";
import type { Platform, Trained } from "./platform.ts";

/** A step with its flags; what runs it may do so more than once. */
export type Runner = (
  step: string,
  flags: Readonly<Record<string, string>>,
  outputs?: readonly string[],
) => Promise<StepResult>;

/** Runs a step that must succeed. */
export function succeeding(platform: Platform): Runner {
  return async (step, flags, outputs) => {
    const result = await platform.run(step, flags, outputs);
    expect(result.code, result.log).toBe(0);
    return result;
  };
}

/** Gates 1 and 2, and the choice for deployment. */
export async function approve(platform: Platform, trained: Trained, run: Runner): Promise<void> {
  const { model } = platform;
  await run("gate-accuracy", { model, measurement: trained.accuracy });
  await run("gate-parity", { measurement: trained.parity });
  await run("register-deploy", {
    model,
    "registered-model": model,
    "registered-version": trained.registeredVersion,
  });
}

/** From the alias `deploy` to the loaded and tested candidate; returns its version number. */
export async function prepare(platform: Platform, trained: Trained, run: Runner): Promise<string> {
  const { model } = platform;
  await run("resolve", { model, "registered-version": trained.registeredVersion });
  const claimed = await run("claim-version", { model, "registered-version": trained.registeredVersion }, [
    "version",
  ]);
  const version = claimed.outputs.version ?? "";
  await run("remove-old-versions", { model });
  await run("metadata", { model, version });
  await run("upload", { model, version });
  await run("load", { model, version, timeout: "20" });
  await run("functional-test", { model, version });
  return version;
}

/** All of it. */
export async function deploy(platform: Platform, trained: Trained, run: Runner): Promise<string> {
  await approve(platform, trained, run);
  const version = await prepare(platform, trained, run);
  await run("commit", { model: platform.model, version });
  return version;
}
