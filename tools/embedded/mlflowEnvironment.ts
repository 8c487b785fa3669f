import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exec } from "../lib/exec.ts";
import { withLock } from "../lib/lockfile.ts";
import type { Log } from "../lib/log.ts";
import { cacheDir } from "../lib/paths.ts";
import { findBinary } from "./binaries.ts";

const requirements = fileURLToPath(new URL("mlflow/requirements.txt", import.meta.url));
const MINIMUM_FREE_BYTES = 2 ** 31;

/**
 * The Python interpreter of a virtual environment that holds MLflow, made on first use in the shared cache
 * (about 390 MB) from the hashed requirements. Safe when two do so at once; one that was interrupted is
 * made again.
 *
 * @throws Error if Python is missing, older than 3.10 or without venv, or the installation fails.
 */
export async function ensureMlflow(log: Log): Promise<string> {
  const python3 = findBinary("python3");
  if (python3 === undefined) {
    throw new Error("python3 is not on PATH; install Python 3.10 or newer, or start --without-services");
  }
  const version = await pythonVersion(python3);
  const hash = createHash("sha256").update(readFileSync(requirements)).update(version).digest("hex");
  const venvs = join(cacheDir(), "venvs");
  const venv = join(venvs, `mlflow-${hash.slice(0, 16)}`);
  const complete = join(venv, "complete");
  const python = join(venv, "bin", "python");
  if (existsSync(complete)) return python;
  await mkdir(venvs, { recursive: true });
  await withLock(`${venv}.lock`, async () => {
    if (existsSync(complete)) return;
    assertSpace(venvs);
    await log.step("install MLflow into the cache (once)", (update) => install(python3, venv, update));
    writeFileSync(complete, "");
  });
  return python;
}

async function pythonVersion(python: string): Promise<string> {
  const script = "import sys; print(sys.version_info >= (3, 10), sys.executable, sys.version)";
  const { stdout } = await exec(python, ["-c", script], { timeoutMs: 30_000 });
  if (stdout.startsWith("True")) return stdout;
  throw new Error(`${python} is older than Python 3.10, which MLflow needs; install a newer python3`);
}

function assertSpace(dir: string): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize >= MINIMUM_FREE_BYTES) return;
  throw new Error(`less than 2 GiB are free on the disk of ${dir}, too little to install MLflow; free some`);
}

async function install(python: string, venv: string, update: (detail: string) => void): Promise<void> {
  rmSync(venv, { recursive: true, force: true });
  try {
    await exec(python, ["-m", "venv", venv], { timeoutMs: 120_000 });
  } catch (error) {
    throw new Error(
      `python3 cannot make virtual environments; on Debian and Ubuntu install python3-venv.\n${(error as Error).message}`,
    );
  }
  await exec(
    join(venv, "bin", "python"),
    [
      ...["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off"],
      // Every package is listed, and some that mlflow names are left out (see mlflow/excludes.txt).
      ...["--no-deps", "--require-hashes", "--only-binary=:all:", "-r", requirements],
    ],
    {
      // A user's pip settings might install elsewhere; PIP_INDEX_URL and the like still count.
      env: { PIP_USER: undefined, PIP_TARGET: undefined, PIP_PREFIX: undefined },
      timeoutMs: 1_800_000,
      onLine: (line) => {
        const step = /^\s*((?:Collecting|Downloading) [^\s(]+|Installing collected packages)/.exec(line);
        if (step?.[1] !== undefined) update(step[1]);
      },
    },
  );
}
