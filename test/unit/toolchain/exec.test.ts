import { describe, expect, test } from "vitest";
import { ExecError, excerpt, exec } from "../../../tools/lib/exec.ts";
import { createLog, formatElapsed } from "../../../tools/lib/log.ts";

const sh = (script: string, options = {}): ReturnType<typeof exec> => exec("sh", ["-c", script], options);

describe("exec", () => {
  test("returns both outputs, and hands over lines as they come", async () => {
    const lines: string[] = [];
    const onLine = (line: string, stream: string): void => void lines.push(`${stream} ${line}`);
    const result = await sh("printf 'a\\nb'; echo c >&2", { onLine });
    expect(result).toEqual({ code: 0, stdout: "a\nb", stderr: "c\n" });
    expect(lines.sort()).toEqual(["stderr c", "stdout a", "stdout b"]);
  });

  test("a failure names command, status and the output", async () => {
    const attempt = sh("echo reason >&2; exit 3");
    await expect(attempt).rejects.toThrow(/^sh -c .*: exit status 3\n {2}reason$/);
    await expect(attempt).rejects.toMatchObject({ name: "ExecError", code: 3 });
  });

  test("allowFailure returns the status instead", async () => {
    expect((await sh("exit 3", { allowFailure: true })).code).toBe(3);
  });

  test("secrets, named or from the environment, do not get into the message", async () => {
    const env = { MINIO_ROOT_PASSWORD: "hunter2hunter2", PLAIN: "visible" };
    const attempt = sh('echo "$MINIO_ROOT_PASSWORD $PLAIN s3cr3t" >&2; exit 1', { env, secrets: ["s3cr3t"] });
    await expect(attempt).rejects.toThrow("[secret] visible [secret]");
    await expect(attempt).rejects.not.toThrow(/hunter2/);
  });

  test("a command that takes too long is ended, also when a child of it keeps the pipes open", async () => {
    const start = performance.now();
    const attempt = sh("sleep 30 & exec sleep 30", { timeoutMs: 100 });
    await expect(attempt).rejects.toThrow("took longer than 0.1 s and was ended");
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  test("a command that does not exist is said to be missing", async () => {
    await expect(exec("no-such-command-here")).rejects.toThrow(ExecError);
    await expect(exec("no-such-command-here")).rejects.toThrow(
      "no-such-command-here: command or working directory not found",
    );
  });

  test("input reaches the command", async () => {
    expect((await exec("cat", [], { input: "hello" })).stdout).toBe("hello");
  });
});

test("excerpt keeps the first and last lines of a long output", () => {
  const text = Array.from({ length: 100 }, (_, index) => `line ${index}`).join("\n");
  const lines = excerpt(text).split("\n");
  expect(lines[0]).toBe("  line 0");
  expect(lines[6]).toBe("  ... 80 lines ...");
  expect(lines.at(-1)).toBe("  line 99");
});

test.each([
  [420, "0.4 s"],
  [38_000, "38 s"],
  [302_000, "5 min 02 s"],
  [59_900, "1 min 00 s"],
])("formatElapsed(%d) is %s", (milliseconds, text) => {
  expect(formatElapsed(milliseconds)).toBe(text);
});

describe("log.step", () => {
  test("a failure is shown as such and passed on", async () => {
    const lines: string[] = [];
    const log = createLog({ write: (text) => lines.push(text.trim()) });
    await expect(log.step("build", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(lines[0]).toBe("> build");
    expect(lines[1]).toMatch(/^failed build \(0\.\d s\)$/);
  });

  test("on a terminal the line in place is removed before other text", async () => {
    let screen = "";
    const log = createLog({ isTTY: true, columns: 40, write: (text) => (screen += text) });
    await log.step("build", async () => log.info("note"));
    expect(screen).toContain("\r\x1b[Knote\n");
    expect(screen.endsWith("\n")).toBe(true);
  });
});
