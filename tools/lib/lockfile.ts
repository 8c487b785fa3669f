import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isSameProcess, processIdentity } from "./processIdentity.ts";

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  /** From processIdentity: a later process with the same pid is not taken for the owner. */
  readonly identity: string;
  readonly host: string;
  /** When it was taken, ISO 8601. */
  readonly since: string;
}

export interface LockOptions {
  /** Called once if somebody else holds the lock and this call waits. */
  readonly onWait?: (owner: LockOwner) => void;
  /** Milliseconds to wait before giving up with an error; 0: do not wait. Default: no limit. */
  readonly timeoutMs?: number;
}

/**
 * Runs `action` while holding the cross-process lock `path`: a folder in which each holder or contender has
 * one file with a unique name. Whoever has put its file there and then sees no other live one holds the
 * lock; of two that come at once the later sees the earlier. Because names are unique, removing the
 * file of a dead owner can never remove a live one's, which a single lock file cannot promise.
 *
 * The lock of a process that died is taken over at once; one held from another host (a shared home folder)
 * cannot be judged and is waited for. It also excludes within one process. It is not re-entrant.
 *
 * Throws what `action` throws, and an Error naming the owner once `timeoutMs` is over.
 */
export async function withLock<T>(
  path: string,
  action: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const release = await acquire(path, options);
  try {
    return await action();
  } finally {
    release();
  }
}

/** The live owner of the lock `path`, or undefined when it is free. */
export function lockOwner(path: string): LockOwner | undefined {
  return liveOwners(path)[0];
}

async function acquire(path: string, options: LockOptions): Promise<() => void> {
  mkdirSync(path, { recursive: true });
  const deadline = Date.now() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
  let told = false;
  for (;;) {
    let owner = lockOwner(path);
    if (owner === undefined) {
      const file = announce(path);
      owner = liveOwners(path, file)[0];
      if (owner === undefined) return () => rmSync(join(path, file), { force: true });
      rmSync(join(path, file), { force: true });
    }
    if (Date.now() >= deadline) throw new Error(busyMessage(path, owner));
    if (!told) options.onWait?.(owner);
    told = true;
    // The random part keeps two contenders from withdrawing in step for ever.
    await sleep(50 + Math.random() * 200);
  }
}

function announce(path: string): string {
  const identity = processIdentity(process.pid);
  if (identity === undefined) throw new Error("cannot read the start time of this process (/proc or ps)");
  const owner: LockOwner = {
    pid: process.pid,
    identity,
    host: hostname(),
    since: new Date().toISOString(),
  };
  const file = `${randomUUID()}.json`;
  const partial = join(path, `${file}.partial`);
  writeFileSync(partial, JSON.stringify(owner));
  renameSync(partial, join(path, file));
  return file;
}

function liveOwners(path: string, except?: string): LockOwner[] {
  const files = listFiles(path).filter((file) => file.endsWith(".json") && file !== except);
  return files.flatMap((file) => {
    const owner = readOwner(join(path, file));
    if (owner === undefined) return [];
    if (owner.host !== hostname() || isSameProcess(owner.pid, owner.identity)) return [owner];
    rmSync(join(path, file), { force: true });
    return [];
  });
}

function listFiles(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** undefined when the owner released between listing and reading. */
function readOwner(file: string): LockOwner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LockOwner;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function busyMessage(path: string, owner: LockOwner): string {
  const elsewhere = owner.host === hostname() ? "" : ` on host ${owner.host}`;
  return (
    `locked by process ${owner.pid}${elsewhere} since ${owner.since}. Wait for it or end it; ` +
    `if it no longer exists, remove the folder ${path}`
  );
}
