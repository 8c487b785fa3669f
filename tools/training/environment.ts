import { join } from "node:path";
import type { Log } from "../lib/log.ts";
import { projectRoot } from "../lib/paths.ts";
import { ensurePythonEnvironment } from "../lib/pythonEnvironment.ts";

/** Folder of the Python package and its tests. */
export const trainingDir = join(projectRoot, "training");

/** What a step's process needs on PYTHONPATH: the package is not installed, so clones can share one environment. */
export const trainingSources = join(trainingDir, "src");

/**
 * The Python interpreter of a virtual environment that holds what the training steps and their tests import,
 * made on first use in the shared cache (about 4 GB) from the hashed requirements.
 *
 * @throws Error if Python is missing, older than 3.11 or without venv, or the installation fails.
 */
export function ensureTraining(log: Log): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: "training",
      title: "PyTorch and what training needs",
      requirements: join(trainingDir, "requirements", "local.txt"),
      minimumPython: [3, 11],
      freeGib: 8,
    },
    log,
  );
}
