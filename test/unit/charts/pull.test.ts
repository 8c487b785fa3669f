import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { pullWithHelm } from "../../../tools/charts/pull.ts";
import { chartSpec, temporaryFolder, writeFile } from "./support.ts";

/** Puts a `helm` on PATH that runs `script`. */
function fakeHelm(script: string): void {
  const bin = temporaryFolder();
  writeFile(join(bin, "helm"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, "helm"), 0o755);
  vi.stubEnv("PATH", `${bin}:/usr/bin:/bin`);
}

function failing(stderr: string): void {
  fakeHelm(`echo '${stderr}' >&2; exit 1`);
}

describe("helm pull", () => {
  it("is asked for an exact version, of a repository or of a whole OCI reference", async () => {
    const folder = temporaryFolder();
    fakeHelm('for last; do :; done; echo "$@" > "$last/arguments"');
    await pullWithHelm(chartSpec(), folder);
    const asked = (): string => readFileSync(join(folder, "arguments"), "utf8").trim();
    expect(asked()).toBe(
      `pull tiny --repo https://charts.example.test --version 1.2.3 --destination ${folder}`,
    );
    expect(await pullWithHelm(chartSpec({ repository: "oci://registry.test/charts/tiny" }), folder)).toBe(
      join(folder, "tiny-1.2.3.tgz"),
    );
    expect(asked()).toBe(`pull oci://registry.test/charts/tiny --version 1.2.3 --destination ${folder}`);
  });

  it.each([
    'Error: looks like "https://x" cannot be reached: Get "https://x/index.yaml": dial tcp: lookup x on 10.0.0.1:53: no such host',
    'Error: failed to do request: Head "https://x/v2": dial tcp 10.0.0.1:443: i/o timeout',
    'Error: Get "https://x": net/http: TLS handshake timeout',
  ])("says that the host gave no answer: %s", async (stderr) => {
    failing(stderr);
    await expect(pullWithHelm(chartSpec(), temporaryFolder())).rejects.toMatchObject({
      name: "PullError",
      failsToo: "host",
      message: expect.stringContaining("no answer from charts.example.test"),
    });
  });

  it("blames the chart alone where the host answered", async () => {
    failing('Error: chart "tiny" version "1.2.3" not found in https://x repository');
    await expect(pullWithHelm(chartSpec(), temporaryFolder())).rejects.toMatchObject({
      failsToo: "chart",
      message: expect.stringContaining('chart "tiny" version "1.2.3" not found'),
    });
  });

  it("says when there is no helm", async () => {
    vi.stubEnv("PATH", temporaryFolder());
    await expect(pullWithHelm(chartSpec(), temporaryFolder())).rejects.toMatchObject({
      failsToo: "nothing",
      message: expect.stringContaining("helm is not on PATH"),
    });
  });
});
