/** Builds an image as far as no container is needed: what a Dockerfile copies, and what it runs with Node. */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, matchesGlob } from "node:path";
import { exec } from "../../../tools/lib/exec.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";

/** Paths of the files that a build sends, by `IMAGE/Dockerfile.dockerignore`: the last pattern that fits decides. */
export async function buildContext(image: string): Promise<string[]> {
  const patterns = readFileSync(join(projectRoot, "images", image, "Dockerfile.dockerignore"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ keeps: line.startsWith("!"), glob: line.replace(/^!/, "") }));
  const { stdout } = await exec("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: projectRoot,
  });
  const kept = (path: string): boolean =>
    patterns.findLast(({ glob }) => selfAndParents(path).some((part) => matchesGlob(part, glob)))?.keeps ??
    true;
  return stdout.split("\n").filter((path) => path !== "" && kept(path));
}

function selfAndParents(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

export interface Built {
  /** Instructions that need the base image or the network for gigabytes: they were left out. */
  readonly leftOut: readonly string[];
}

/**
 * Does what the Dockerfile of an image says, below `root` instead of `/`: COPY from the context, WORKDIR, and RUN of npm and
 * node, with this machine's Node. Stages share the root.
 *
 * @throws Error if a COPY finds nothing, or a command fails.
 */
export async function build(image: string, root: string): Promise<Built> {
  const context = await buildContext(image);
  const leftOut: string[] = [];
  let workdir = "/";
  for (const [instruction, rest] of instructionsOf(image)) {
    if (instruction === "WORKDIR") workdir = rest;
    else if (instruction === "COPY" && !rest.startsWith("--from=")) copy(context, rest, root, workdir);
    else if (instruction === "RUN") {
      const command = rest.replace(/^--mount=\S+\s+/, "");
      if (/^(npm|node) /.test(command)) await run(command, root, workdir);
      else leftOut.push(command);
    }
  }
  return { leftOut };
}

function instructionsOf(image: string): [instruction: string, rest: string][] {
  return readFileSync(join(projectRoot, "images", image, "Dockerfile"), "utf8")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .flatMap((line) => {
      const [, instruction, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
      return instruction === undefined || rest === undefined ? [] : [[instruction, rest]];
    });
}

function copy(context: readonly string[], rest: string, root: string, workdir: string): void {
  const paths = rest.split(/\s+/);
  const target = paths.pop() ?? "";
  const place = join(root, target.startsWith("/") ? target : join(workdir, target));
  for (const source of paths) {
    const files = context.filter((path) => path === source || path.startsWith(`${source}/`));
    if (files.length === 0) throw new Error(`COPY ${rest}: nothing of ${source} is in the context`);
    for (const path of files) {
      // A folder's content goes into the target, a file into it or to its name.
      const inside =
        path === source ? (target.endsWith("/") ? basename(path) : "") : path.slice(source.length);
      const to = join(place, inside);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(projectRoot, path), to);
    }
  }
}

async function run(command: string, root: string, workdir: string): Promise<void> {
  const [program = "", ...words] = command.split(/\s+/);
  const args = words
    .filter((word) => !word.startsWith(">"))
    .map((word) => (word.startsWith("/") ? join(root, word) : word));
  await exec(program, args, {
    cwd: join(root, workdir),
    timeoutMs: 300_000,
    env: { NODE_COMPILE_CACHE: undefined },
  });
}
