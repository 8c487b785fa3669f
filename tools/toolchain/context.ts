import { fileURLToPath } from "node:url";
import { createDownload, type Download } from "../lib/download.ts";
import { exec } from "../lib/exec.ts";
import { createLog, type Log } from "../lib/log.ts";
import { cacheDir, projectRoot, pulumiHome, stateDir } from "../lib/paths.ts";
import { freeBytes } from "./files.ts";
import { type Lock, readLock } from "./lockSchema.ts";
import { type Platform, platformOf } from "./platform.ts";

/** Everything the toolchain takes from outside itself, so that tests can supply their own. */
export interface Context {
  readonly lock: Lock;
  readonly platform: Platform;
  /** Shared by clones: builds, downloads, probes. */
  readonly cacheDir: string;
  /** This checkout's own ignored folder. */
  readonly stateDir: string;
  readonly projectRoot: string;
  readonly pulumiHome: string;
  /** Folder with one Go module per `go.module` of the lock. */
  readonly goModulesDir: string;
  /** Folders of PATH, in order. */
  readonly searchPath: readonly string[];
  /** Where to look for Go after PATH. */
  readonly goFolders: readonly string[];
  /** Bytes that may still be written where a folder is. */
  readonly freeBytes: (folder: string) => number;
  readonly download: Download;
  readonly exec: typeof exec;
  readonly log: Log;
  /** true: try release downloads again that failed within the last day. */
  readonly retryReleases: boolean;
}

export function createContext(options: { retryReleases?: boolean } = {}): Context {
  return {
    lock: readLock(),
    platform: platformOf(),
    cacheDir: cacheDir(),
    stateDir: stateDir(),
    projectRoot,
    pulumiHome: pulumiHome(),
    goModulesDir: fileURLToPath(new URL("go", import.meta.url)),
    searchPath: (process.env.PATH ?? "").split(":").filter((folder) => folder !== ""),
    // Go's own installer puts it there and leaves PATH to the user.
    goFolders: ["/usr/local/go/bin"],
    freeBytes,
    download: createDownload(),
    exec,
    log: createLog(),
    retryReleases: options.retryReleases ?? false,
  };
}
