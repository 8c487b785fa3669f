/** The README's commands, run as a newcomer runs them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { projectRoot } from "../../tools/lib/paths.ts";
import { succeed } from "../support/stack.ts";
import { createWorkspace, type Workspace } from "../support/workspace.ts";

/** Shell blocks of a Markdown file, in order. */
function shellBlocks(file: string): string[] {
  const text = readFileSync(join(projectRoot, file), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
}

/** Every `make target` that a Markdown file names, in blocks and in running text. */
function makeTargets(file: string): string[] {
  const text = readFileSync(join(projectRoot, file), "utf8");
  const named = text.matchAll(/(?:`|^)make ([a-z][a-z-]*)/gm);
  return [...named].map(([, target]) => target ?? "");
}

let workspace: Workspace | undefined;

afterAll(() => workspace?.remove());

describe("the README", () => {
  it("starts with two commands", () => {
    expect(shellBlocks("README.md").slice(0, 2)).toEqual(["make up\n", "make test\n"]);
  });

  it("has a quickstart that runs, from `make up` to `make down`", async () => {
    workspace = await createWorkspace("quickstart");
    const [up = "", , ...others] = shellBlocks("README.md");
    await succeed(workspace.run(up));
    for (const block of others) await succeed(workspace.run(`set -e\n${block}`));
    // The last block ends with `make down`.
    expect(others.at(-1)?.trimEnd().endsWith("make down")).toBe(true);
  });

  it("names no target that make does not have, nor does the guide", () => {
    const makefile = readFileSync(join(projectRoot, "Makefile"), "utf8");
    const guide = readdirSync(join(projectRoot, "docs")).filter((file) => file.endsWith(".md"));
    const files = ["README.md", "CONTRIBUTING.md", ...guide.map((file) => `docs/${file}`)];
    const missing = files.flatMap((file) =>
      makeTargets(file).filter((target) => !new RegExp(`^${target}:`, "m").test(makefile)),
    );
    expect(missing).toEqual([]);
  });
});
