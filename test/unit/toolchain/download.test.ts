import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDownload } from "../../../tools/lib/download.ts";
import { sha256, temporaryFolder } from "./context.ts";

const url = "https://releases.test/file";

/** A `fetch` that answers by `answer` and counts its calls. */
function fetchBy(
  answer: (url: string, signal: AbortSignal) => Promise<Response>,
): typeof fetch & { calls: string[] } {
  const calls: string[] = [];
  const fetchImpl = async (input: unknown, init?: RequestInit): Promise<Response> => {
    calls.push(String(input));
    return await answer(String(input), init?.signal ?? new AbortController().signal);
  };
  return Object.assign(fetchImpl as typeof fetch, { calls });
}

const unresolved = (): Promise<never> =>
  Promise.reject(new TypeError("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND releases.test") }));

describe("createDownload", () => {
  test("writes the file and returns its SHA-256", async () => {
    const file = join(temporaryFolder(), "file");
    const progress: unknown[] = [];
    const headers = { "content-length": "5" };
    const download = createDownload(fetchBy(async () => new Response("hello", { headers })));
    const onProgress = (bytes: number, total: number | undefined): void => void progress.push([bytes, total]);
    expect(await download(url, file, { onProgress })).toBe(sha256("hello"));
    expect(readFileSync(file, "utf8")).toBe("hello");
    expect(progress.at(-1)).toEqual([5, 5]);
  });

  test("a host that gives no answer is asked once in a run; other hosts still are", async () => {
    const fetchImpl = fetchBy(unresolved);
    const download = createDownload(fetchImpl);
    const file = join(temporaryFolder(), "file");
    await expect(download(url, file)).rejects.toThrow("releases.test: getaddrinfo ENOTFOUND");
    await expect(download(`${url}2`, file)).rejects.toMatchObject({ hostUnreachable: true });
    await expect(download("https://elsewhere.test/x", file)).rejects.toThrow();
    expect(fetchImpl.calls).toEqual([url, "https://elsewhere.test/x"]);
  });

  test("no answer within the time is an unreachable host", async () => {
    const hanging = fetchBy(
      (_url, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    const attempt = createDownload(hanging)(url, join(temporaryFolder(), "file"), { connectTimeoutMs: 20 });
    await expect(attempt).rejects.toThrow("releases.test: no answer within 0.02 s");
  });

  test("a missing file is no unreachable host", async () => {
    const fetchImpl = fetchBy(async () => new Response("gone", { status: 410 }));
    const download = createDownload(fetchImpl);
    const file = join(temporaryFolder(), "file");
    await expect(download(url, file)).rejects.toThrow("the server answered HTTP 410");
    await expect(download(url, file)).rejects.toMatchObject({ hostUnreachable: false });
    expect(fetchImpl.calls).toHaveLength(2);
  });

  test.each([
    [
      "fewer bytes than announced",
      () => new Response("hel", { headers: { "content-length": "5" } }),
      "3 of 5 bytes",
    ],
    [
      "a redirect to an address without TLS",
      () => {
        const response = new Response("hello");
        Object.defineProperty(response, "url", { value: "http://releases.test/file" });
        return response;
      },
      "without TLS",
    ],
  ])("%s is refused and leaves no file", async (_name, answer, message) => {
    const file = join(temporaryFolder(), "file");
    await expect(createDownload(fetchBy(async () => answer()))(url, file)).rejects.toThrow(message);
    expect(existsSync(file)).toBe(false);
  });

  test("a transfer that stalls is given up and leaves no file", async () => {
    const stalled = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(3)) });
    const file = join(temporaryFolder(), "file");
    const attempt = createDownload(fetchBy(async () => new Response(stalled)))(url, file, {
      stallTimeoutMs: 30,
    });
    await expect(attempt).rejects.toThrow("broke off after 3 bytes: no data for 0.03 s");
    expect(existsSync(file)).toBe(false);
  });

  test("a folder that cannot be written is not blamed on the network", async () => {
    const download = createDownload(fetchBy(async () => new Response("hello")));
    await expect(download(url, join(temporaryFolder(), "no", "file"))).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
});
