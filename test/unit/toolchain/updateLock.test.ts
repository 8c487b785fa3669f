import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Download, DownloadError } from "../../../tools/lib/download.ts";
import { createLog } from "../../../tools/lib/log.ts";
import { lockPath, parseLock, UNVERIFIED } from "../../../tools/toolchain/lockSchema.ts";
import { fillChecksums, updateLockFile } from "../../../tools/toolchain/updateLock.ts";
import { sha256, temporaryFolder } from "./context.ts";

const text = readFileSync(lockPath, "utf8").replace(
  /("(?:linux|darwin)-\w+": )"[0-9a-f]{64}"/g,
  '$1"unverified"',
);
const quiet = createLog({ write: () => {} });
/** A network on which every file's content is its own address. */
const everything: Download = async (url) => sha256(url);
const nothing: Download = async (url) => {
  throw new DownloadError(`${url}: no network`, true);
};

describe("fillChecksums", () => {
  test("fills each checksum with that of its own address and touches nothing else", async () => {
    const result = await fillChecksums(text, "lock.json", everything, quiet);
    expect(result.update.unverified).toEqual([]);
    expect(result.text.replace(/"[0-9a-f]{64}"/g, '"unverified"')).toBe(text);
    const { tools, node } = parseLock(result.text, "lock.json");
    expect(tools.helm?.releases[0]?.sha256["darwin-arm64"]).toBe(
      sha256("https://get.helm.sh/helm-v3.22.0-darwin-arm64.tar.gz"),
    );
    expect(tools.etcd?.releases[1]?.sha256["darwin-amd64"]).toBe(
      sha256("https://github.com/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-darwin-amd64.zip"),
    );
    expect(node.sha256["linux-arm64"]).toBe(
      sha256("https://nodejs.org/dist/v24.21.0/node-v24.21.0-linux-arm64.tar.gz"),
    );
  });

  test("what cannot be downloaded stays unverified and is named with the reason", async () => {
    const onlyHelm: Download = (url, file) => (url.includes("helm") ? everything : nothing)(url, file);
    const result = await fillChecksums(text, "lock.json", onlyHelm, quiet);
    expect(result.update.filled).toHaveLength(4);
    expect(result.update.unverified.map(({ label }) => label)).toContain("pulumi linux-amd64");
    expect(result.update.unverified[0]?.reason).toContain("no network");
    expect(parseLock(result.text, "lock.json").tools.pulumi?.releases[0]?.sha256["linux-amd64"]).toBe(
      UNVERIFIED,
    );
  });

  test("a checksum that is there is neither fetched nor changed", async () => {
    const known = sha256("known before");
    const before = text.replace('"unverified"', `"${known}"`);
    const asked: string[] = [];
    const recording: Download = async (url, file) => {
      asked.push(url);
      return await everything(url, file);
    };
    const result = await fillChecksums(before, "lock.json", recording, quiet);
    expect(result.text).toContain(known);
    expect(asked).not.toContain("https://nodejs.org/dist/v24.21.0/node-v24.21.0-linux-x64.tar.gz");
  });
});

test("updateLockFile leaves the file alone when nothing was learnt, or when something else fails", async () => {
  const path = join(temporaryFolder(), "lock.json");
  writeFileSync(path, text);
  await updateLockFile(path, text, nothing, quiet);
  expect(readFileSync(path, "utf8")).toBe(text);
  const full: Download = () => Promise.reject(new Error("no space left on device"));
  await expect(updateLockFile(path, text, full, quiet)).rejects.toThrow("no space left");
  expect(readFileSync(path, "utf8")).toBe(text);
});
