import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute path of this checkout: the folder that holds Pulumi.yaml. */
export const projectRoot = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/**
 * Folder for downloads, builds and virtual environments, shared by all clones of one user:
 * `MLOPS_CACHE`, else `$XDG_CACHE_HOME/mlops-platform`, else `~/.cache/mlops-platform`.
 * It lies outside the checkout because Pulumi's language host walks the whole project folder.
 * The folder need not exist yet. tools/bootstrap.sh states the same rule in shell.
 */
export function cacheDir(): string {
  const chosen = process.env.MLOPS_CACHE;
  if (chosen) return resolve(chosen);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mlops-platform");
}

/** Folder for what belongs to this checkout alone and is never committed. It need not exist yet. */
export function stateDir(): string {
  return join(projectRoot, ".mlops");
}

/** The one folder to put on PATH: links to every tool that the toolchain resolved for this checkout. */
export function toolBinDir(): string {
  return join(stateDir(), "bin");
}

/** PULUMI_HOME of this project, as ./env sets it: plugins are installed here, not in the user's own home. */
export function pulumiHome(): string {
  return join(cacheDir(), "pulumi");
}
