import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { standIns } from "../../../tools/plugins/standIns.ts";

const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
});

/** Starts a stand-in as the engine does, in some other folder, and gives its first line of output. */
async function start(main: URL, ...args: string[]) {
  const child = spawn(process.execPath, [fileURLToPath(main), ...args], {
    cwd: tmpdir(),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const errors: string[] = [];
  child.stderr.on("data", (data) => errors.push(String(data)));
  for await (const line of createInterface({ input: child.stdout })) return { child, line, errors };
  throw new Error(`no port from ${main}: ${errors.join("")}`);
}

/** An address where nothing listens any more. */
async function deadAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || !address) throw new Error("no port");
  return `127.0.0.1:${address.port}`;
}

test.concurrent.each(
  Object.values(standIns),
)("the stand-in for $name prints its port and nothing else, wherever it is started", async ({ main }) => {
  const { line, errors } = await start(main);
  expect(line).toMatch(/^\d+$/);
  expect(errors).toEqual([]);
});

test.concurrent("a stand-in ends when its engine is dead", { timeout: 30_000 }, async () => {
  const { child } = await start(standIns.command.main, "--logtostderr", "-v=1", await deadAddress());
  const [code, signal] = await new Promise<unknown[]>((resolve) =>
    child.on("exit", (...how) => resolve(how)),
  );
  expect({ code, signal }).toEqual({ code: null, signal: "SIGKILL" });
});
