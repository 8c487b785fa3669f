import { randomUUID } from "node:crypto";
import { chmodSync, existsSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makePrivateDir, readIfExists, writePrivateJson } from "./files.ts";
import type { Layout } from "./layout.ts";

const markerSchema = z.strictObject({
  kind: z.literal("mlops-embedded-cluster"),
  version: z.literal(1),
  id: z.uuid(),
  createdAt: z.iso.datetime(),
});

export type Marker = z.infer<typeof markerSchema>;

const MINIMUM_FREE_BYTES = 1 << 30;

/**
 * The marker of an embedded cluster's data folder, or undefined when the folder is missing or empty.
 *
 * @throws Error if the folder holds something else, so that nothing of it is ever written over or removed.
 */
export function readMarker(layout: Layout): Marker | undefined {
  const text = readIfExists(layout.marker);
  if (text === undefined) {
    if (!existsSync(layout.dir)) return undefined;
    if (!statSync(layout.dir).isDirectory()) throw new Error(`${layout.dir} is not a folder; choose another`);
    if (readdirSync(layout.dir).length === 0) return undefined;
    throw new Error(
      `${layout.dir} is not empty and not an embedded cluster's folder (it has no embedded-cluster.json); ` +
        "nothing was changed. Choose another folder with --dir.",
    );
  }
  const parsed = markerSchema.safeParse(jsonOrUndefined(text));
  if (parsed.success) return parsed.data;
  throw new Error(
    `${layout.marker} is not a marker of this version of the embedded cluster; nothing was changed. ` +
      "If the folder is one, remove it by hand and start again.",
  );
}

/**
 * Makes the data folder, or takes it into use again.
 *
 * @throws Error if the folder is somebody else's, or less than 1 GiB is free on its disk: etcd, the object
 *   store and the logs would fail later, one by one, and a full disk corrupts what they hold.
 */
export function openDataDir(layout: Layout): Marker {
  const known = readMarker(layout);
  makePrivateDir(layout.dir);
  chmodSync(layout.dir, 0o700);
  const { bavail, bsize } = statfsSync(layout.dir);
  if (bavail * bsize < MINIMUM_FREE_BYTES) {
    const free = Math.floor((bavail * bsize) / (1 << 20));
    throw new Error(
      `only ${free} MiB are free on the disk of ${layout.dir}; free at least 1 GiB and start again`,
    );
  }
  const marker: Marker = known ?? {
    kind: "mlops-embedded-cluster",
    version: 1,
    id: randomUUID(),
    createdAt: new Date().toISOString(),
  };
  if (known === undefined) writePrivateJson(layout.marker, marker);
  const { secrets, run, logs, etcdData, minioData, mlflowData } = layout;
  for (const path of [secrets, run, logs, etcdData, minioData, mlflowData]) makePrivateDir(path);
  return marker;
}

/** Removes the data folder, its marker last: what a killed removal leaves is still known as a cluster's. */
export function removeDataDir(layout: Layout): void {
  const removal = { recursive: true, force: true, maxRetries: 5 };
  for (const entry of readdirSync(layout.dir)) {
    const path = join(layout.dir, entry);
    if (path !== layout.marker) rmSync(path, removal);
  }
  rmSync(layout.dir, removal);
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
