import { describe, expect, it } from "vitest";
import { helmIgnore } from "../../../tools/charts/helmIgnore.ts";

const rules = [
  "# a comment",
  "",
  ".git/",
  "*.swp",
  "ci/",
  "files/dashboards/",
  "/*.tgz",
  "values-?.yaml",
].join("\n");

describe(".helmignore", () => {
  it.each([
    [".git", true, true],
    [".git", false, false],
    ["templates/deep/x.swp", false, true],
    ["ci", true, true],
    ["templates/ci", true, true],
    ["files/dashboards", true, true],
    ["dashboards", true, false],
    ["old.tgz", false, true],
    ["charts/old.tgz", false, false],
    ["values-1.yaml", false, true],
    ["values-10.yaml", false, false],
    ["values.yaml", false, false],
    ["templates/.hidden.yaml", false, true],
    ["templates/_helpers.tpl", false, false],
  ])("%s (folder: %s) is ignored: %s", (path, isFolder, ignored) => {
    expect(helmIgnore(rules)(path, isFolder)).toBe(ignored);
  });

  it("with negation is refused, not misread", () => {
    expect(() => helmIgnore("*.md\n!README.md")).toThrow(/!README.md/);
  });
});
