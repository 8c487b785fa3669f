import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/**
 * What a running embedded cluster hands over to whoever uses it: the one file that the Pulumi program
 * reads. It holds credentials, so it has mode 600.
 */
export const handoverSchema = z.strictObject({
  /** Version of this schema. */
  version: z.literal(1),
  /** Made once with the cluster, and kept over restarts. */
  id: z.string().min(1),
  /** As the API server reports it, such as `v1.35.4`. */
  kubernetesVersion: z.string().min(1),
  /** Absolute path of the administrator's kubeconfig. */
  kubeconfig: z.string().min(1),
  /** Name of the default StorageClass. */
  storageClass: z.string().min(1),
  /** Seconds a pod waits before it starts, imitating an image pull. */
  podStartDelay: z.number().nonnegative(),
  /** The cluster's nodes, in the order of their description. */
  nodes: z.array(
    z.strictObject({
      name: z.string().min(1),
      kind: z.enum(["simulated"]),
      labels: z.record(z.string(), z.string()),
      gpus: z.int().nonnegative(),
    }),
  ),
  /** Loopback TCP ports by process name. */
  ports: z.record(z.string(), z.int().min(1).max(65535)),
  /** The object store beside the cluster; absent after `start --without-services`. */
  minio: z
    .strictObject({
      endpoint: z.url(),
      consoleUrl: z.url(),
      accessKey: z.string().min(1),
      secretKey: z.string().min(1),
    })
    .optional(),
  /** The tracking server beside the cluster; absent after `start --without-services`. */
  mlflow: z.strictObject({ url: z.url() }).optional(),
});

export type Handover = z.infer<typeof handoverSchema>;

/** Path of the handover file of the cluster whose data folder is `dir`. */
export function handoverFile(dir: string): string {
  return join(dir, "handover.json");
}

/**
 * The handover of the cluster whose data folder is `dir`.
 *
 * @throws Error if the file is missing (the cluster was never started) or not what this version writes.
 */
export function readHandover(dir: string): Handover {
  const file = handoverFile(dir);
  const parsed = handoverSchema.safeParse(parseJson(file));
  if (parsed.success) return parsed.data;
  throw new Error(
    `${file} is not a handover of this version of the embedded cluster; start the cluster again to ` +
      `rewrite it.\n${z.prettifyError(parsed.error)}`,
  );
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(
      `cannot read ${file} (${(error as Error).message}); start the embedded cluster to write it`,
    );
  }
}
