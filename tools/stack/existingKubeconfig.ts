/** The kubeconfig of cluster `existing`: which file it is, and what it says. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { projectRoot } from "../lib/paths.ts";

export interface Kubeconfig {
  "current-context"?: string;
  contexts?: { name: string; context?: { cluster?: string } }[];
  clusters?: { name: string; cluster?: Record<string, unknown> & { server?: string } }[];
  users?: { name: string; user?: Record<string, unknown> & { exec?: { command?: string } } }[];
}

/**
 * Absolute path of the file: the configured one, else, as kubectl does it, that of KUBECONFIG or `~/.kube/config`.
 * Of a list in KUBECONFIG it is the first file that describes the context, because Helm and the provider take one file.
 */
export function existingKubeconfig(configured: string | undefined, context: string | undefined): string {
  if (configured !== undefined) return absolute(configured);
  const listed = (process.env.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
  const files = listed.map(absolute);
  const [first] = files;
  if (first === undefined) return join(homedir(), ".kube", "config");
  const describes = (file: string): boolean => {
    try {
      return readKubeconfig(file).kubeconfig.contexts?.some(({ name }) => name === context) ?? false;
    } catch {
      return false; // kubectl skips what is not there; what cannot be read is reported if no other file has the context
    }
  };
  return files.find(describes) ?? files.find(existsSync) ?? first;
}

function absolute(path: string): string {
  return resolve(projectRoot, path.replace(/^~(?=\/)/, homedir()));
}

/** What a kubeconfig file says, and its text to hand on. */
export interface ReadKubeconfig {
  readonly kubeconfig: Kubeconfig;
  /** Paths in a file are relative to its folder, which whoever gets the text alone does not know; here they are absolute. */
  readonly text: string;
}

/**
 * Reads a kubeconfig file.
 *
 * @throws Error naming the file when it cannot be read or is none.
 */
export function readKubeconfig(file: string): ReadKubeconfig {
  let text: string;
  let parsed: unknown;
  try {
    text = readFileSync(file, "utf8");
    parsed = parse(text);
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new Error(`${file} cannot be read as a kubeconfig (${reason})`);
  }
  const lists = ["contexts", "clusters", "users"] as const;
  const map = typeof parsed === "object" && parsed !== null ? (parsed as Kubeconfig) : undefined;
  if (map === undefined || lists.some((key) => map[key] != null && !Array.isArray(map[key]))) {
    throw new Error(
      `${file} cannot be read as a kubeconfig (it has no lists of contexts, clusters and users)`,
    );
  }
  return { kubeconfig: map, text: makePathsAbsolute(map, dirname(file)) ? stringify(map) : text };
}

/** Where a kubeconfig may name other files. */
const fileKeys = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/** Whether there was any path to change: without one, the file's text can stay as it is. */
function makePathsAbsolute(kubeconfig: Kubeconfig, folder: string): boolean {
  let changed = false;
  const makeAbsolute = (object: object | undefined, key: string): void => {
    const map = (object ?? {}) as Record<string, unknown>;
    const path = map[key];
    if (typeof path !== "string" || path === "" || path.startsWith("/")) return;
    map[key] = resolve(folder, path);
    changed = true;
  };
  for (const { cluster } of kubeconfig.clusters ?? []) for (const key of fileKeys) makeAbsolute(cluster, key);
  for (const { user } of kubeconfig.users ?? []) {
    for (const key of fileKeys) makeAbsolute(user, key);
    // A bare name is looked for on PATH.
    if (user?.exec?.command?.includes("/")) makeAbsolute(user.exec, "command");
  }
  return changed;
}
