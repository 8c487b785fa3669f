import { exec } from "../lib/exec.ts";

/** Whether a Docker engine answers (the client alone is not one). Bounded by 5 s. */
export async function dockerRuns(): Promise<boolean> {
  try {
    await exec("docker", ["info", "--format", "{{.ServerVersion}}"], { timeoutMs: 5_000 });
    return true;
  } catch {
    return false;
  }
}
