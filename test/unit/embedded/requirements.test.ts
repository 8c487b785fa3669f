import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (file: string) =>
  readFileSync(new URL(`../../../tools/embedded/mlflow/${file}`, import.meta.url), "utf8");

/** Requirements of a compiled file, each with its hashes. */
const requirements = read("requirements.txt")
  .split(/\n(?=[a-z])/)
  .filter((text) => text.trim() !== "");

describe("the tracking server's requirements", () => {
  it("are pinned exactly, each with hashes", () => {
    expect(requirements.length).toBeGreaterThan(30);
    for (const requirement of requirements)
      expect(requirement).toMatch(/^[a-z0-9._-]+==\S+ .*--hash=sha256:/s);
  });

  it("record no address of a package registry", () => {
    expect(read("requirements.txt")).not.toMatch(/:\/\/|index-url/);
  });

  it("have the version of MLflow that is asked for, and none of the excluded packages", () => {
    const pinned = /^mlflow==.+$/m.exec(read("requirements.in"))?.[0];
    expect(pinned).toBeDefined();
    expect(requirements.some((requirement) => requirement.startsWith(`${pinned} `))).toBe(true);
    const excluded = read("excludes.txt")
      .split("\n")
      .filter((line) => /^[a-z]/.test(line));
    expect(excluded.length).toBeGreaterThan(0);
    for (const name of excluded) {
      expect(requirements.filter((requirement) => requirement.startsWith(`${name}==`))).toEqual([]);
    }
  });
});
