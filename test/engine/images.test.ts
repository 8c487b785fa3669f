/** `make images` against a `docker` that only writes down what it is told: no Docker engine is needed. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandResult } from "../support/command.ts";
import { createWorkspace, type Workspace } from "../support/workspace.ts";

let workspace: Workspace;
let tag: string;

/** Fails where FAILING names the image. */
const docker = `#!/bin/sh
echo "$*" >>"$(dirname "$0")/calls"
case "$*" in *"/\${FAILING:-none}:"*) echo "no space left on device" >&2; exit 1 ;; esac
`;

beforeAll(async () => {
  workspace = await createWorkspace("images");
  mkdirSync(workspace.path(".mlops", "fake"), { recursive: true });
  writeFileSync(workspace.path(".mlops", "fake", "docker"), docker);
  chmodSync(workspace.path(".mlops", "fake", "docker"), 0o755);
  const { output } = await workspace.run(
    "TZ=UTC git show -s --date=format-local:v%Y%m%d --format=%cd-%h --abbrev=7",
  );
  tag = output.trim();
});

afterAll(() => workspace?.remove());

async function images(
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult & { calls: string[] }> {
  const calls = workspace.path(".mlops", "fake", "calls");
  writeFileSync(calls, "");
  const path = `${workspace.path(".mlops", "fake")}${delimiter}${process.env.PATH}`;
  const result = await workspace.run("make images", { env: { PATH: path, CLUSTER: "k3d", ...env } });
  const docked = readFileSync(calls, "utf8").split("\n");
  return { ...result, calls: docked.filter((call) => call.startsWith("build") || call.startsWith("push")) };
}

async function configured(key: string): Promise<CommandResult> {
  return await workspace.inEnv(`pulumi config get ${key} --stack local`, {
    env: { CLUSTER: "k3d" },
  });
}

describe("make images", () => {
  it("has nothing to do for the embedded cluster", async () => {
    const { code, output, calls } = await images({ CLUSTER: "embedded" });
    expect(code, output).toBe(0);
    expect(output).toContain("no image is needed");
    expect(calls).toEqual([]);
  });

  it("leaves the stack as it is when one image cannot be pushed", async () => {
    const { code, output } = await images({ FAILING: "serving" });
    expect(code).not.toBe(0);
    expect(output).toContain("no space left on device");
    expect((await configured("mlops:stepImages")).code).not.toBe(0);
  });

  it("builds every image, pushes it to k3d's registry, and makes the stack use its tag", async () => {
    const { code, output, calls } = await images();
    expect(code, output).toBe(0);
    for (const image of ["training", "deployment", "serving"]) {
      expect(calls).toContain(`push localhost:5555/${image}:${tag}`);
      const build = calls.find((call) => call.includes(`--file images/${image}/Dockerfile`));
      expect(build).toMatch(new RegExp(`REVISION=[0-9a-f]{40} --tag localhost:5555/${image}:${tag} \\.$`));
    }
    expect((await configured("mlops:servingImage")).output.trim()).toBe(tag);
    expect((await configured("mlops:stepImages")).output).toContain(`"training":"${tag}"`);
  });

  it("refuses what is not committed, because the tag would name another content", async () => {
    writeFileSync(workspace.path("apps", "new.ts"), "export {};\n");
    const { code, output, calls } = await images();
    expect(code).not.toBe(0);
    expect(output).toMatch(/not committed; commit them first:\s+\?\? apps\/new\.ts/);
    expect(calls).toEqual([]);
  });
});
