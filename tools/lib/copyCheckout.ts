import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { exec } from "./exec.ts";
import { projectRoot } from "./paths.ts";

/**
 * Copies this checkout, uncommitted changes included and ignored files left out, into an empty folder that
 * shares its node_modules.
 *
 * @throws Error when node_modules is not what the lock file says.
 */
export async function copyCheckout(root: string): Promise<void> {
  const listed = await exec("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: projectRoot,
  });
  for (const file of new Set(listed.stdout.split("\0"))) {
    const from = join(projectRoot, file);
    // A tracked file that was deleted is still listed.
    if (file === "" || !existsSync(from)) continue;
    mkdirSync(dirname(join(root, file)), { recursive: true });
    cpSync(from, join(root, file));
  }
  linkNodeModules(root);
}

/** node_modules is shared: installing it takes longer than most tests. */
function linkNodeModules(root: string): void {
  const installed = join(projectRoot, "node_modules");
  const stamp = join(installed, ".mlops-package-lock.json");
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  // Otherwise the copy's bootstrap would run npm through the link, on the developer's own folder.
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    throw new Error("node_modules is not what package-lock.json says; run `make setup` first");
  }
  symlinkSync(installed, join(root, "node_modules"));
  // A workspace has what it needs in another version than the rest in a node_modules of its own.
  for (const workspaces of ["apps", "packages"]) {
    for (const name of readdirSync(join(projectRoot, workspaces))) {
      const own = join(workspaces, name, "node_modules");
      if (existsSync(join(projectRoot, own))) symlinkSync(join(projectRoot, own), join(root, own));
    }
  }
}
