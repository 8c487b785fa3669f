import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exec } from "../../tools/lib/exec.ts";
import { createLog } from "../../tools/lib/log.ts";
import { ensurePythonEnvironment, type PythonEnvironment } from "../../tools/lib/pythonEnvironment.ts";

let dir: string;
const silent = createLog({ write: () => undefined });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "mlops-python-"));
  vi.stubEnv("MLOPS_CACHE", join(dir, "cache"));
  // Nothing is fetched: requirements without packages install nothing.
  writeFileSync(join(dir, "requirements.txt"), "# none\n");
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

function environment(changes: Partial<PythonEnvironment> = {}): PythonEnvironment {
  return {
    name: "sample",
    title: "a sample",
    requirements: join(dir, "requirements.txt"),
    minimumPython: [3, 9],
    freeGib: 0,
    ...changes,
  };
}

const made = (): string[] =>
  readdirSync(join(dir, "cache", "venvs")).filter((name) => !name.endsWith(".lock"));

/** A `python3` that is first on PATH and runs `script`. */
function fakePython(name: string, script: string): void {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", `${bin}${delimiter}${process.env.PATH}`);
}

describe("a Python environment", () => {
  it("is made once, by the first of two that ask at once, and again after an interruption", async () => {
    const [first, second] = await Promise.all([
      ensurePythonEnvironment(environment(), silent),
      ensurePythonEnvironment(environment(), silent),
    ]);
    expect(second).toBe(first);
    expect(made()).toHaveLength(1);
    const { stdout } = await exec(first, ["-c", "import sys; print(sys.prefix != sys.base_prefix)"]);
    expect(stdout.trim()).toBe("True");

    const folder = join(first, "..", "..");
    rmSync(join(folder, "complete"));
    writeFileSync(join(folder, "half-done"), "");
    expect(await ensurePythonEnvironment(environment(), silent)).toBe(first);
    expect(existsSync(join(folder, "half-done"))).toBe(false);
  }, 120_000);

  it("is another one for other requirements, which must have hashes; else it stays incomplete", async () => {
    await ensurePythonEnvironment(environment(), silent);
    writeFileSync(join(dir, "requirements.txt"), "no-such-package-of-this-project==1.0\n");
    await expect(ensurePythonEnvironment(environment(), silent)).rejects.toThrow("--require-hashes");
    const complete = made().filter((name) => existsSync(join(dir, "cache", "venvs", name, "complete")));
    expect([made().length, complete.length]).toEqual([2, 1]);
  }, 120_000);

  it("needs a Python that is new enough, and says which", async () => {
    await expect(ensurePythonEnvironment(environment({ minimumPython: [3, 999] }), silent)).rejects.toThrow(
      "python3 on PATH: too old for a sample, which needs Python 3.999 or newer",
    );
  });

  it("takes the version that is asked for by name where python3 is too old", async () => {
    fakePython("python3", "echo False old");
    fakePython("python3.9", '[ "$1" = -c ] && echo True new || { echo "asked for $2"; exit 1; }');
    await expect(ensurePythonEnvironment(environment(), silent)).rejects.toThrow(
      /python3-venv.*asked for venv/s,
    );
  });

  it("says what to do where there is none", async () => {
    vi.stubEnv("PATH", join(dir, "nothing"));
    const choice = environment({ withoutPython: ", or do without" });
    await expect(ensurePythonEnvironment(choice, silent)).rejects.toThrow(
      "python3 is not on PATH; install Python 3.9 or newer, or do without",
    );
  });

  it("is not begun on a full disk", async () => {
    await expect(ensurePythonEnvironment(environment({ freeGib: 1e9 }), silent)).rejects.toThrow(
      "GiB are free",
    );
    expect(made()).toEqual([]);
  });
});
