/**
 * Builds our images with Docker, pushes them to the local stack's registry and makes the stack use them:
 * `node tools/images/cli.ts`. For AWS a workflow does it (.github/workflows/images.yaml), which no laptop's keys can.
 */
import { exec } from "../lib/exec.ts";
import { projectRoot } from "../lib/paths.ts";
import { setWorkingConfig } from "../stack/configCopy.ts";
import { dockerRuns } from "../stack/docker.ts";
import { localConfig } from "../stack/localConfig.ts";
import { buildArguments, imageSources, imageTag, ownImages, pushRegistry, type Revision } from "./plan.ts";

async function git(...args: readonly string[]): Promise<string> {
  return (await exec("git", args, { cwd: projectRoot, env: { TZ: "UTC" } })).stdout.trim();
}

/** @throws Error when what would be built is not what the commit holds. */
async function revision(): Promise<Revision> {
  const changed = await git("status", "--porcelain", "--", ...imageSources);
  if (changed !== "") {
    throw new Error(
      `a tag names a commit, and these files are not committed; commit them first:\n${changed}`,
    );
  }
  const shown = ["--no-patch", "--date=format-local:%Y%m%d", "--format=%H %cd", "HEAD"];
  const [commit = "", day = ""] = (await git("show", ...shown)).split(" ");
  return { commit, day };
}

/** Runs Docker, its output as it comes: a build can take many minutes. */
async function docker(args: readonly string[]): Promise<void> {
  await exec("docker", args, {
    cwd: projectRoot,
    onLine: (line) => process.stderr.write(`  ${line}\n`),
  });
}

async function main(): Promise<void> {
  const registry = pushRegistry(localConfig());
  if (registry === undefined) {
    console.log(
      "the stack's cluster is the embedded one: steps run as processes there, and no image is needed",
    );
    return;
  }
  const built = await revision();
  if (!(await dockerRuns())) throw new Error("no Docker engine answers: start it, then run this again");
  const tag = imageTag(built);
  for (const image of ownImages) {
    const reference = `${registry}/${image}:${tag}`;
    console.error(`> ${reference}`);
    await docker(buildArguments(image, reference, built));
    await docker(["push", reference]);
  }
  // Only when all of them are there: until then the stack keeps the images that it has.
  const { serving, ...steps } = Object.fromEntries(ownImages.map((image) => [image, tag]));
  setWorkingConfig("local", "mlops:stepImages", steps);
  setWorkingConfig("local", "mlops:servingImage", serving);
  console.log(`the stack uses ${ownImages.join(", ")} at ${tag} from its next \`make up\``);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
