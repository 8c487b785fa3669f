import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ExecError, exec } from "./exec.ts";
import { withLock } from "./lockfile.ts";
import type { Log } from "./log.ts";
import { cacheDir } from "./paths.ts";

/** What a virtual environment holds. */
export interface PythonEnvironment {
  /** Prefix of its folder in the cache, such as `mlflow`. */
  readonly name: string;
  /** What is installed, in the words of progress and error messages. */
  readonly title: string;
  /** File of requirements, every package with its version and hashes, dependencies included. */
  readonly requirements: string;
  /** Oldest Python that fits: major and minor version. */
  readonly minimumPython: readonly [major: number, minor: number];
  /** Newest Python that fits; any newer one where it is left out. */
  readonly maximumPython?: readonly [major: number, minor: number];
  /** GiB that must be free on the cache's disk before the installation starts. */
  readonly freeGib: number;
  /** What to do where there is no Python: the end of that error message. */
  readonly withoutPython?: string;
}

interface Python {
  readonly path: string;
  readonly version: string;
}

/**
 * The Python interpreter of a virtual environment, made on first use in the shared cache. Safe when two do
 * so at once; one that was interrupted is made again; other requirements or another Python give another one.
 *
 * @throws Error if no Python fits or can make virtual environments, the disk is too full, or the installation fails.
 */
export async function ensurePythonEnvironment(environment: PythonEnvironment, log: Log): Promise<string> {
  const python = await findPython(environment);
  const requirements = readFileSync(environment.requirements);
  const hash = createHash("sha256").update(requirements).update(python.version).digest("hex");
  const venvs = join(cacheDir(), "venvs");
  const venv = join(venvs, `${environment.name}-${hash.slice(0, 16)}`);
  const complete = join(venv, "complete");
  const interpreter = join(venv, "bin", "python");
  if (existsSync(complete)) return interpreter;
  await mkdir(venvs, { recursive: true });
  await withLock(`${venv}.lock`, async () => {
    if (existsSync(complete)) return;
    assertSpace(venvs, environment);
    await log.step(`install ${environment.title} into the cache (once)`, (update) =>
      install(python.path, venv, environment.requirements, update),
    );
    writeFileSync(complete, "");
  });
  return interpreter;
}

/** The first on PATH that fits, asked for by its exact name last. */
async function findPython(environment: PythonEnvironment): Promise<Python> {
  const { title, minimumPython, maximumPython, withoutPython } = environment;
  const [major, minor] = minimumPython;
  const newest = maximumPython === undefined ? "or newer" : `to ${maximumPython.join(".")}`;
  const wanted = `Python ${major}.${minor} ${newest}`;
  const seen: string[] = [];
  for (const name of ["python3", `python${major}.${minor}`]) {
    const answer = await pythonVersion(name, environment);
    if (answer === undefined) continue;
    if (answer.fits) return { path: name, version: answer.version };
    seen.push(name);
  }
  if (seen.length === 0) throw new Error(`python3 is not on PATH; install ${wanted}${withoutPython ?? ""}`);
  throw new Error(
    `${seen.join(" and ")} on PATH: too ${maximumPython === undefined ? "old" : "old or too new"} for ${title}, which needs ${wanted}; install one`,
  );
}

/** undefined where there is no such command, or only a version manager's shim without a version behind it. */
async function pythonVersion(
  name: string,
  { minimumPython, maximumPython = [minimumPython[0], 99] }: PythonEnvironment,
): Promise<{ readonly fits: boolean; readonly version: string } | undefined> {
  const fits = `(${minimumPython.join()}) <= sys.version_info[:2] <= (${maximumPython.join()})`;
  const script = `import sys; print(${fits}, sys.executable, sys.version)`;
  try {
    const { stdout } = await exec(name, ["-c", script], { timeoutMs: 30_000 });
    return { fits: stdout.startsWith("True"), version: stdout };
  } catch (error) {
    if (error instanceof ExecError) return undefined;
    throw error;
  }
}

function assertSpace(dir: string, { title, freeGib }: PythonEnvironment): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize >= freeGib * 2 ** 30) return;
  throw new Error(
    `less than ${freeGib} GiB are free on the disk of ${dir}, too little to install ${title}; free some`,
  );
}

async function install(
  python: string,
  venv: string,
  requirements: string,
  update: (detail: string) => void,
): Promise<void> {
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
      // Every package is listed, and some that others name as dependencies are left out on purpose.
      ...["--no-deps", "--require-hashes", "--only-binary=:all:", "-r", requirements],
    ],
    {
      // A user's pip settings might install elsewhere; PIP_INDEX_URL and the like still count.
      env: { PIP_USER: undefined, PIP_TARGET: undefined, PIP_PREFIX: undefined },
      timeoutMs: 3_600_000,
      onLine: (line) => {
        const step = /^\s*((?:Collecting|Downloading) [^\s(]+|Installing collected packages)/.exec(line);
        if (step?.[1] !== undefined) update(step[1]);
      },
    },
  );
}
