import type { LocalConfig } from "../../config/schema.ts";
import { imageNames } from "../../pipelines/images.ts";

/** Everything of ours that runs in pods: the steps' images, and the gateway's and the reconciler's. */
export const ownImages = [...imageNames, "serving"] as const;

/** What ends up in an image; a tag names a commit, so these must be committed. */
export const imageSources = [
  "images",
  "apps",
  "packages",
  "training",
  "tools/serving/vllm",
  "package.json",
  "package-lock.json",
];

export interface Revision {
  /** Full hash of the commit. */
  readonly commit: string;
  /** Day of the commit in UTC, as YYYYMMDD. */
  readonly day: string;
}

/** `v{date}-{sha7}`, as the images that the workflow pushes to ECR. */
export function imageTag({ commit, day }: Revision): string {
  return `v${day}-${commit.slice(0, 7)}`;
}

/**
 * Where this machine pushes images so that the stack's nodes can pull them; undefined where no pod runs.
 *
 * @throws Error when the stack names no registry of ours.
 */
export function pushRegistry({ cluster, registryPort, imageRegistry }: LocalConfig): string | undefined {
  if (cluster === "embedded") return undefined;
  if (cluster === "k3d") return `localhost:${registryPort}`;
  if (imageRegistry !== undefined) return imageRegistry;
  throw new Error(
    "mlops:imageRegistry is not set: name a registry that you can push to and the cluster can pull from, e.g. " +
      "pulumi config set mlops:imageRegistry registry.example.com/mlops --stack local",
  );
}

/** Arguments of `docker build` for an image, to be run in the project's folder. */
export function buildArguments(image: string, reference: string, { commit }: Revision): string[] {
  const file = `images/${image}/Dockerfile`;
  return ["build", "--file", file, "--build-arg", `REVISION=${commit}`, "--tag", reference, "."];
}
