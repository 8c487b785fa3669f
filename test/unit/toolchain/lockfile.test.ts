import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { exec } from "../../../tools/lib/exec.ts";
import { lockOwner, withLock } from "../../../tools/lib/lockfile.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { processIdentity } from "../../../tools/lib/processIdentity.ts";
import { temporaryFolder } from "./context.ts";

/** Adds 1 to a number in a file, many times, in a way that loses counts unless it is alone. */
const counter = `
  import { readFileSync, writeFileSync } from "node:fs";
  import { setTimeout as sleep } from "node:timers/promises";
  import { withLock } from ${JSON.stringify(join(projectRoot, "tools/lib/lockfile.ts"))};
  const [lock, file] = process.argv.slice(1);
  for (let i = 0; i < 5; i++) {
    await withLock(lock, async () => {
      const value = Number(readFileSync(file, "utf8"));
      await sleep(5);
      writeFileSync(file, String(value + 1));
    });
  }
`;

function writeOwner(lock: string, owner: object): void {
  mkdirSync(lock, { recursive: true });
  writeFileSync(join(lock, "other.json"), JSON.stringify({ since: "2026-01-01T00:00:00Z", ...owner }));
}

describe("withLock", () => {
  test("of several processes one is in at a time", async () => {
    const folder = temporaryFolder();
    const [lock, file] = [join(folder, "lock"), join(folder, "count")];
    writeFileSync(file, "0");
    const run = (): Promise<unknown> =>
      exec(process.execPath, ["--input-type=module", "-e", counter, lock, file]);
    await Promise.all([run(), run(), run()]);
    expect(readFileSync(file, "utf8")).toBe("15");
    expect(readdirSync(lock)).toEqual([]);
  });

  test("it excludes within one process, and tells once who holds it", async () => {
    const lock = join(temporaryFolder(), "lock");
    const order: string[] = [];
    const told: number[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const first = withLock(lock, async () => {
      await gate;
      order.push("first");
    });
    const onWait = (owner: { pid: number }): void => {
      told.push(owner.pid);
      open();
    };
    await withLock(lock, async () => void order.push("second"), { onWait });
    await first;
    expect(order).toEqual(["first", "second"]);
    expect(told).toEqual([process.pid]);
  });

  test("the lock of a process that died is taken over", async () => {
    const lock = join(temporaryFolder(), "lock");
    const script = "console.log(process.pid)";
    const pid = Number((await exec(process.execPath, ["-e", script])).stdout);
    writeOwner(lock, { pid, identity: "whatever", host: hostname() });
    expect(await withLock(lock, async () => "in", { timeoutMs: 0 })).toBe("in");
  });

  test("a process that only has the dead owner's pid is not taken for it", async () => {
    const lock = join(temporaryFolder(), "lock");
    writeOwner(lock, { pid: process.pid, identity: "started at another time", host: hostname() });
    expect(await withLock(lock, async () => "in", { timeoutMs: 0 })).toBe("in");
  });

  test("a live owner is never pushed aside: the error names it and what to do", async () => {
    const lock = join(temporaryFolder(), "lock");
    writeOwner(lock, { pid: process.pid, identity: processIdentity(process.pid), host: hostname() });
    const attempt = withLock(lock, async () => "in", { timeoutMs: 0 });
    await expect(attempt).rejects.toThrow(new RegExp(`process ${process.pid} since 2026.*remove the folder`));
    expect(lockOwner(lock)?.pid).toBe(process.pid);
  });

  test("an owner on another host cannot be judged and counts as alive", async () => {
    const lock = join(temporaryFolder(), "lock");
    writeOwner(lock, { pid: 1, identity: "x", host: "elsewhere" });
    await expect(withLock(lock, async () => "in", { timeoutMs: 0 })).rejects.toThrow("on host elsewhere");
  });

  test("it is released when the action throws", async () => {
    const lock = join(temporaryFolder(), "lock");
    await expect(withLock(lock, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(lockOwner(lock)).toBeUndefined();
  });
});

test("processIdentity is stable for one process and unlike that of another", () => {
  expect(processIdentity(process.pid)).toBe(processIdentity(process.pid));
  expect(processIdentity(process.pid)).not.toBe(processIdentity(process.ppid));
  expect(processIdentity(2 ** 30)).toBeUndefined();
});
