import { fileURLToPath } from "node:url";
import { createLog } from "../../../../tools/lib/log.ts";
import { ensurePythonEnvironment } from "../../../../tools/lib/pythonEnvironment.ts";

/** Python with moto, boto3 and the aws CLI; the CLI lies beside it. */
export function pythonWithMoto(): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: "moto",
      title: "moto",
      requirements: fileURLToPath(new URL("requirements.txt", import.meta.url)),
      minimumPython: [3, 10],
      freeGib: 1,
    },
    createLog(),
  );
}
