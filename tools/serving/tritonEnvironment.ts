/** The real Triton Inference Server out of its Python package. */
import { chmodSync, copyFileSync, existsSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exec } from "../lib/exec.ts";
import type { Log } from "../lib/log.ts";
import { ensurePythonEnvironment } from "../lib/pythonEnvironment.ts";

/** What it takes to run `tritonserver` with its Python backend. */
export interface TritonInstallation {
  /** Absolute path of `tritonserver`. */
  readonly server: string;
  readonly backends: string;
  /** Folder that must come first on PATH: by it the backend's interpreter finds its packages. */
  readonly pythonBin: string;
  /** Folder of the shared library of Python that the backend loads. */
  readonly pythonLibrary: string;
}

const script = `
import json, sysconfig
print(json.dumps({
    "purelib": sysconfig.get_path("purelib"),
    "version": sysconfig.get_python_version(),
    "folder": sysconfig.get_config_var("LIBDIR"),
    "library": sysconfig.get_config_var("INSTSONAME") or "",
}))`;

/**
 * Installs Triton on first use in the shared cache (about 290 MB).
 *
 * @throws Error where it cannot run: another system than Linux, or a Python without its shared library.
 */
export async function ensureTriton(log: Log): Promise<TritonInstallation> {
  if (process.platform !== "linux")
    throw new Error("Triton's servers exist for Linux only; use a Linux machine");
  const python = await ensurePythonEnvironment(
    {
      name: "triton",
      title: "Triton",
      requirements: fileURLToPath(new URL("triton/requirements.txt", import.meta.url)),
      minimumPython: [3, 11],
      // The backend is built against NumPy 1, whose last release has no build for a newer one.
      maximumPython: [3, 12],
      freeGib: 1,
    },
    log,
  );
  const { stdout } = await exec(python, ["-c", script], { timeoutMs: 30_000 });
  const found = JSON.parse(stdout) as { purelib: string; version: string; folder: string; library: string };
  if (!existsSync(join(found.folder, found.library)) || !found.library.includes(".so")) {
    throw new Error(
      `python3 has no shared library (${join(found.folder, found.library)}), which Triton's Python backend loads; ` +
        `install it, on Debian and Ubuntu as libpython${found.version}, or a Python built with --enable-shared`,
    );
  }
  const root = join(found.purelib, "pytriton", "tritonserver");
  const server = join(root, "bin", "tritonserver");
  chmodSync(server, 0o755);
  placeStub(root, found.version);
  return {
    server,
    backends: join(root, "backends"),
    pythonBin: dirname(python),
    pythonLibrary: found.folder,
  };
}

/** Puts the interpreter's host process for this version of Python where the backend looks for it. */
function placeStub(root: string, version: string): void {
  const name = "triton_python_backend_stub";
  const target = join(root, "backends", "python", name);
  if (existsSync(target)) return;
  const partial = `${target}.${process.pid}`;
  copyFileSync(join(root, "python_backend_stubs", version, name), partial);
  chmodSync(partial, 0o755);
  renameSync(partial, target);
}
