import { cpus, freemem, totalmem } from "node:os";
import type { Context } from "./context.ts";
import { type GoCommand, requiredGo } from "./goBuild.ts";
import { fits } from "./version.ts";

/** One line of the doctor's table. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "can be had" | "missing" | "optional";
  readonly found: string;
  readonly wanted: string;
  readonly hint: string;
}

const DOCKER_TIMEOUT_MS = 5_000;
const GIB = 1024 ** 3;

export function nodeFinding(): Finding {
  const version = process.versions.node;
  return {
    name: "node",
    state: fits(version, ">=24.0.0") ? "ok" : "missing",
    found: `${version} ${process.execPath}`,
    wanted: ">=24.0.0",
    hint: fits(version, ">=24.0.0") ? "" : "run tools/bootstrap.sh",
  };
}

/** Go matters only where something must be built. */
export function goFinding(context: Context, go: GoCommand, needed: boolean): Finding {
  const wanted = `>=${requiredGo(context)}`;
  const usable = go.version !== undefined && fits(go.version, wanted);
  return {
    name: "go",
    state: usable ? "ok" : "optional",
    found: go.path === undefined ? "no" : `${go.version} ${go.path}`,
    wanted,
    hint: usable
      ? ""
      : `${needed ? "needed" : "only needed"} where releases cannot be downloaded: go.dev/doc/install`,
  };
}

/** Asks the engine itself: an installed client says nothing. */
export async function dockerState(context: Context): Promise<{ running: boolean; finding: Finding }> {
  const base = { name: "docker engine", wanted: "any (for k3d)" };
  try {
    const args = ["info", "--format", "{{.ServerVersion}}"];
    const version = (await context.exec("docker", args, { timeoutMs: DOCKER_TIMEOUT_MS })).stdout.trim();
    if (version === "") throw new Error("no server version");
    return { running: true, finding: { ...base, state: "ok", found: version, hint: "" } };
  } catch {
    const hint = "not running or not installed: the embedded cluster is used instead";
    return { running: false, finding: { ...base, state: "optional", found: "no", hint } };
  }
}

export async function pythonFinding(context: Context, dockerRuns: boolean): Promise<Finding> {
  const base = { name: "python3", wanted: ">=3.10.0" };
  const script = "import sys, venv; print('.'.join(map(str, sys.version_info[:3])), sys.executable)";
  try {
    const answer = await context.exec("python3", ["-c", script], { timeoutMs: 10_000 });
    const [version = "", path = ""] = answer.stdout.trim().split(" ");
    if (fits(version, base.wanted)) return { ...base, state: "ok", found: `${version} ${path}`, hint: "" };
    return { ...base, state: "missing", found: version, hint: "install Python 3.10 or newer" };
  } catch {
    // MLflow runs beside the embedded cluster as a process of its own; on k3d it runs in a container.
    const state = dockerRuns ? "optional" : "missing";
    return {
      ...base,
      state,
      found: "no, or without the venv module",
      hint: "install python3 and python3-venv",
    };
  }
}

export function diskFinding(context: Context, building: boolean): Finding {
  const free = context.freeBytes(context.cacheDir) / GIB;
  // Go's own caches of modules and packages grow to 16 GiB when every tool is built; the tools take one.
  const needed = building ? 18 : 2;
  return {
    name: "free disk",
    state: free >= needed ? "ok" : "missing",
    found: `${free.toFixed(1)} GiB at ${context.cacheDir}`,
    wanted: `${needed} GiB`,
    hint: free >= needed ? "" : "free some, or set MLOPS_CACHE to a folder on another disk",
  };
}

export function memoryFinding(): Finding {
  const total = totalmem() / GIB;
  return {
    name: "memory",
    state: total >= 7 ? "ok" : "optional",
    found: `${total.toFixed(1)} GiB (${(freemem() / GIB).toFixed(1)} free), ${cpus().length} cores`,
    wanted: "8 GiB",
    hint: total >= 7 ? "" : "builds from Go modules and the whole platform may not fit",
  };
}
