import { rmdirSync } from "node:fs";
import { z } from "zod";
import type { ApiClient } from "./apiClient.ts";
import { readIfExists, writePrivateJson } from "./files.ts";
import type { Layout } from "./layout.ts";

/** The controller-manager's provisioner makes its folders there and nowhere else. */
const provisioned = /^\/tmp\/hostpath_pv\/[0-9a-f-]{36}$/;

interface Volume {
  readonly spec: { readonly hostPath?: { readonly path: string } };
}

/** Remembers which host folders back volumes, while the API server can still tell. */
export async function rememberVolumes(layout: Layout, api: ApiClient): Promise<void> {
  const volumes = await api.get<{ items: Volume[] }>("/api/v1/persistentvolumes");
  const paths = (volumes?.items ?? []).flatMap((volume) => volume.spec.hostPath?.path ?? []);
  writePrivateJson(
    layout.volumes,
    paths.filter((path) => provisioned.test(path)),
  );
}

/** Removes the remembered folders, except one that something was written into. */
export function removeVolumes(layout: Layout): void {
  const text = readIfExists(layout.volumes);
  if (text === undefined) return;
  for (const path of z.array(z.string().regex(provisioned)).parse(JSON.parse(text))) {
    try {
      rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
    }
  }
}
