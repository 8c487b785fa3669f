import { join } from "node:path";
import type { Interpreter } from "@mlops/runner";
import type { ImageName } from "../../pipelines/images.ts";
import type { Log } from "../lib/log.ts";
import { cacheDir, projectRoot } from "../lib/paths.ts";
import { vllmPython } from "../serving/vllmEnvironment.ts";
import { ensureTraining, trainingSources } from "../training/environment.ts";

/** What stands for each of our images where containers do not run: one table. */
const interpreters: Readonly<Record<ImageName, (log: Log) => Promise<Interpreter>>> = {
  training: async (log) => ({
    programs: { python: await ensureTraining(log) },
    folders: {},
    environment: { PYTHONPATH: trainingSources, PYTHONUNBUFFERED: "1" },
  }),
  deployment: async () => ({
    programs: { node: process.execPath },
    folders: { "/app": projectRoot },
    // As in the image: a step starts in half the time.
    environment: { NODE_COMPILE_CACHE: join(cacheDir(), "node-compile") },
  }),
  benchmark: async (log) => ({
    programs: { python: await vllmPython(log) },
    folders: { "/app": projectRoot },
    // Nothing is asked of any hub, and nobody told of the run.
    environment: { HF_HUB_OFFLINE: "1", VLLM_NO_USAGE_STATS: "1", PYTHONUNBUFFERED: "1" },
  }),
};

/** The image's name: the last part of its repository, without tag and digest. */
export function imageNameOf(reference: string): string {
  const repository = reference.split("@")[0] ?? "";
  return (repository.split("/").at(-1) ?? "").split(":")[0] ?? "";
}

/**
 * Prepares what the given images need on this machine.
 *
 * @returns a function from an image's reference to its interpreter; undefined for images that are not ours.
 */
export async function prepareInterpreters(
  images: readonly string[],
  log: Log,
): Promise<(image: string) => Interpreter | undefined> {
  const wanted = (Object.keys(interpreters) as ImageName[]).filter((name) =>
    images.some((image) => imageNameOf(image) === name),
  );
  const ready = new Map<string, Interpreter>();
  for (const name of wanted) ready.set(name, await interpreters[name](log));
  return (image) => ready.get(imageNameOf(image));
}
