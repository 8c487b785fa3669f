/** Loading AWS's SDK takes seconds and hundreds of MiB, so the local stack must not. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../../../tools/lib/paths.ts";

/** Prints every module that is resolved, before any of them runs. */
const recorder = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  import { writeSync } from "node:fs";
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      writeSync(1, found.url + "\\n");
      return found;
    },
  });
`)}`;

/** Modules that a file imports statically, however far away; what it does when it runs is of no interest. */
function loadedBy(file: string): string[] {
  const { stdout } = spawnSync(process.execPath, ["--import", recorder, file], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  return stdout.split("\n").filter((url) => url.startsWith("file:"));
}

const ofAws = (urls: readonly string[]): string[] =>
  urls.filter((url) => /\/@pulumi\/(aws|eks)\//.test(url)).slice(0, 3);

describe("the program", () => {
  it("loads AWS's SDK only for the aws stack", () => {
    const loaded = loadedBy("program.ts");
    expect(loaded.some((url) => url.endsWith("/components/platform/platform.ts"))).toBe(true);
    expect(ofAws(loaded)).toEqual([]);
  });

  it("has the engine start plugins without reading the rest of itself", () => {
    const loaded = loadedBy("tools/stack/plugins.ts");
    expect(loaded.some((url) => url.includes("/@pulumi/random/"))).toBe(true);
    expect(
      loaded.filter((url) => /\/(components|pipelines|policy|zod|@pulumi\/kubernetes)\//.test(url)),
    ).toEqual([]);
  });

  it("would be seen to load it", () => {
    expect(ofAws(loadedBy("components/aws/budget.ts"))).not.toEqual([]);
  });
}, 60_000);
