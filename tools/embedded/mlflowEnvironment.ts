import { fileURLToPath } from "node:url";
import type { Log } from "../lib/log.ts";
import { ensurePythonEnvironment } from "../lib/pythonEnvironment.ts";

/**
 * The Python interpreter of a virtual environment that holds MLflow, made on first use in the shared cache
 * (about 390 MB) from the hashed requirements.
 *
 * @throws Error if Python is missing, older than 3.10 or without venv, or the installation fails.
 */
export function ensureMlflow(log: Log): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: "mlflow",
      title: "MLflow",
      requirements: fileURLToPath(new URL("mlflow/requirements.txt", import.meta.url)),
      minimumPython: [3, 10],
      freeGib: 2,
      withoutPython: ", or start --without-services",
    },
    log,
  );
}
