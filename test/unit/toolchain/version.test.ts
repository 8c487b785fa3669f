import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fits, isRange, parseVersion } from "../../../tools/toolchain/version.ts";

describe("fits", () => {
  test.each([
    ["1.35.4", ">=1.35.0 <1.36.0", true],
    ["v1.35.4", ">=1.35.0 <1.36.0", true],
    ["v1.35.4+k3s1", ">=1.35.0 <1.36.0", true],
    ["1.36.0", ">=1.35.0 <1.36.0", false],
    ["1.34.9", ">=1.35.0 <1.36.0", false],
    ["1.100.0", ">=1.35.0 <2.0.0", true],
    ["1.35.4-dispatcher", ">=1.35.0 <1.36.0", false],
    ["v1.36.0-rc.1", ">=1.35.0 <1.37.0", false],
    ["2025.09.07", ">=2025.4.0 <2027.0.0", true],
    ["DEVELOPMENT.GOGET", ">=0.0.0", false],
    ["", ">=0.0.0", false],
  ])("%s in %s: %s", (version, range, expected) => {
    expect(fits(version, range)).toBe(expected);
  });

  test("a version is within the range that it bounds below, and not within one that it bounds above", () => {
    const part = fc.nat(3000);
    fc.assert(
      fc.property(part, part, part, (major, minor, patch) => {
        const version = `${major}.${minor}.${patch}`;
        expect(fits(version, `>=${version}`)).toBe(true);
        expect(fits(version, `<${version}`)).toBe(false);
        expect(fits(version, `<${major}.${minor}.${patch + 1}`)).toBe(true);
        expect(fits(version, `>=${major}.${minor + 1}.0`)).toBe(false);
      }),
    );
  });

  test("a range that is none throws instead of letting everything pass", () => {
    expect(() => fits("1.0.0", "^1.0.0")).toThrow("not a version range: ^1.0.0");
  });
});

test.each([
  [">=1.2.3", true],
  [">=1.2.3 <2.0.0", true],
  ["1.2.3", false],
  ["~1.2", false],
  ["", false],
])("isRange(%s) is %s", (range, expected) => {
  expect(isRange(range)).toBe(expected);
});

test("parseVersion gives numbers, not text", () => {
  expect(parseVersion("v10.9.08")).toEqual([10, 9, 8]);
});
